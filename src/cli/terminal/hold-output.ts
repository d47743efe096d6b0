/** Keeps this process from printing while the screen is somebody else's. */

/**
 * From now on what would be printed goes to `take` instead, a piece at a time and without its end of line.
 * -> gives the streams back; safe to call twice
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
