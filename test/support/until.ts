/** Waits until something holds, such as the effect of another process. */

export async function until(holds: () => boolean, ms = 10_000): Promise<void> {
  const end = performance.now() + ms
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not true within ${ms} ms: ${holds}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
