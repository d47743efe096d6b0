/** A JSON line about each request, for finding out what a client really asked: retries, streams, sizes. */
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
 * `asked` lines have the digest of the body, so that a body sent twice shows, and say whether it wants a stream; `ended`
 * lines are the server's own. No prompt and no answer is written. Throws `bad_config`.
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
