/** A log with a JSON line for each request and its end, which shows retries, streams and sizes. */
import { createHash } from 'node:crypto'
import { appendFileSync, writeFileSync } from 'node:fs'
import { TetherError } from '../../errors.js'
import type { LogLine } from '../../server/serve.js'

export interface RequestLog {
  /** The body of a messages request, as it came in, and what was read in it. */
  asked(body: Uint8Array, about: { stream: boolean }): void
  ended(line: LogLine): void
}

/**
 * An `asked` line has the digest of the body, to show a body that was sent twice, and whether it wants a stream. An
 * `ended` line is the server's log line. No prompt and no answer is written. Throws `bad_config` where the file cannot be
 * opened. Later a fault is told once, and writing is tried again with each line: a disk may get room.
 */
export function openRequestLog(path: string, onFault: (message: string) => void): RequestLog {
  const unusable = (cause: unknown) => `the request log ${path} cannot be written: ${(cause as Error).message}`
  try {
    writeFileSync(path, '', { flag: 'a', mode: 0o600 })
  } catch (cause) {
    throw new TetherError('bad_config', unusable(cause), { cause })
  }
  let isTold = false
  const write = (entry: object) => {
    try {
      appendFileSync(path, `${json({ ...entry, at: new Date().toISOString() })}\n`)
    } catch (cause) {
      if (!isTold) onFault(unusable(cause))
      isTold = true
    }
  }
  return {
    asked: (body, { stream }) => {
      const sha256 = createHash('sha256').update(body).digest('hex')
      write({ type: 'asked', stream, bytes: body.byteLength, sha256 })
    },
    ended: (line) => write({ type: 'ended', ...line }),
  }
}

/** JSON leaves DEL and the controls after it as they are, which a terminal would obey. */
function json(value: object): string {
  const escaped = (letter: string) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`
  return JSON.stringify(value).replace(/[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, escaped)
}
