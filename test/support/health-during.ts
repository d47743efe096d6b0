/** Whether a server answers while it works on something. */

export interface HealthDuring {
  /** Milliseconds that the middle answer took. A machine with other work holds a process up, so not every answer counts. */
  middle: number
  longest: number
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
  return { middle: took[took.length >> 1] ?? 0, longest: took.at(-1) ?? 0, asked: took.length }
}
