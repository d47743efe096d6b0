/** Redirects this process's output while Claude Code has the screen. */

/**
 * From now on each write to stdout or stderr goes to `take` instead, without its final newline.
 * -> restores the streams; safe to call twice
 */
export function holdOutput(take: (text: string) => void): () => void {
  const streams = [process.stdout, process.stderr]
  const releases = streams.map((stream) => {
    const { write } = stream
    const held = (...args: unknown[]) => {
      const [chunk] = args
      take((typeof chunk === 'string' ? chunk : Buffer.from(chunk as Uint8Array).toString()).replace(/\n$/, ''))
      const done = args.at(-1)
      if (typeof done === 'function') process.nextTick(done)
      return true
    }
    stream.write = held as typeof stream.write
    return () => {
      if (stream.write === held) stream.write = write
    }
  })
  return () => {
    for (const release of releases) release()
  }
}
