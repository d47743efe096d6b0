/** Whether a server answers while it works on something. */

export interface HealthDuring {
  /**
   * Milliseconds within which a quarter of the answers came: it is large where the server is held up for long. A machine
   * with other work holds it up too, but not for each answer.
   */
  quick: number
  asked: number
}

/** Asks for /health again and again until `work` is done. */
export async function healthDuring(url: string, work: Promise<unknown>): Promise<HealthDuring> {
  let done = false
  void work.finally(() => {
    done = true
  })
  const took: number[] = []
  while (!done) {
    const started = performance.now()
    await (await fetch(`${url}/health`)).arrayBuffer()
    took.push(performance.now() - started)
  }
  took.sort((one, other) => one - other)
  return { quick: took[took.length >> 2] ?? 0, asked: took.length }
}
