/** Waits until something holds, such as the effect of another process. */

/** `ms` only ends what hangs: on a busy machine anything may take long. */
export async function until(holds: () => boolean, ms = 60_000): Promise<void> {
  const end = performance.now() + ms
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not true within ${ms} ms: ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
