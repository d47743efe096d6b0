/** A log with a JSON line for each request and its end, which shows retries, streams and sizes. */
import { createHash } from 'node:crypto'
import { appendFileSync, writeFileSync } from 'node:fs'
import { TetherError } from '../../errors.js'
import type { LogLine } from '../../server/serve.js'

export interface RequestLog {
  /** The body of a messages request, as it came in. */
  asked(body: Uint8Array): void
  ended(line: LogLine): void
}

/**
 * An `asked` line has the digest of the body, to show a body that was sent twice, and whether it wants a stream. An
 * `ended` line is the server's log line. No prompt and no answer is written. Throws `bad_config`.
 */
export function openRequestLog(path: string): RequestLog {
  try {
    writeFileSync(path, '', { flag: 'a', mode: 0o600 })
  } catch (cause) {
    throw new TetherError('bad_config', `the request log ${path} cannot be written: ${(cause as Error).message}`, {
      cause,
    })
  }
  const write = (entry: object) => appendFileSync(path, `${JSON.stringify(entry)}\n`)
  return {
    asked: (body) => {
      const sha256 = createHash('sha256').update(body).digest('hex')
      write({ type: 'asked', at: new Date().toISOString(), stream: wantsStream(body), bytes: body.byteLength, sha256 })
    },
    ended: (line) => write({ type: 'ended', at: new Date().toISOString(), ...line }),
  }
}

/** false for a body that is not JSON: its request is rejected. */
function wantsStream(body: Uint8Array): boolean {
  try {
    return JSON.parse(new TextDecoder().decode(body))?.stream === true
  } catch {
    return false
  }
}
