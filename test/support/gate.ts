/** What a test holds up for as long as it needs to look at what happens meanwhile. */

export interface Gate {
  open: () => void
  passed: Promise<void>
}

export function gate(): Gate {
  let open = () => {}
  const passed = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, passed }
}
