/** Redirects this process's output while Claude Code has the screen. */

/**
 * From now on each write to stdout or stderr goes to `take` instead, without its final newline.
 * -> restores the streams; safe to call twice
 */
export function holdOutput(take: (text: string) => void): () => void {
  return interpose([process.stdout, process.stderr], () => (chunk, ...more) => {
    take((typeof chunk === 'string' ? chunk : Buffer.from(chunk as Uint8Array).toString()).replace(/\n$/, ''))
    const done = more.at(-1)
    if (typeof done === 'function') process.nextTick(done)
    return true
  })
}

type Write = (chunk: unknown, ...more: unknown[]) => boolean

/**
 * Puts a function of its own between each stream and who writes to it.
 * -> restores the streams; safe to call twice
 */
export function interpose(streams: NodeJS.WriteStream[], between: (write: Write) => Write): () => void {
  const releases = streams.map((stream) => {
    const { write } = stream
    const own = between(write.bind(stream) as Write)
    stream.write = own as typeof stream.write
    return () => {
      if (stream.write === own) stream.write = write
    }
  })
  return () => {
    for (const release of releases) release()
  }
}
