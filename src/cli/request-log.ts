/** A JSON line about each request, for finding out what a client really asked: retries, streams, sizes. */
import { createHash } from 'node:crypto'
import { appendFileSync, writeFileSync } from 'node:fs'
import { TetherError } from '../errors.js'
import type { Model } from '../index.js'
import type { LogLine } from '../server/serve.js'

export interface RequestLog {
  /** The same model, noting what it is asked. */
  watch(model: Model): Model
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
    watch: (model) => ({
      ...model,
      stream: (request, options) => {
        const body = JSON.stringify(request) ?? ''
        const sha256 = createHash('sha256').update(body).digest('hex')
        const { stream = false } = request as { stream?: unknown }
        write({ type: 'asked', at: new Date().toISOString(), stream, bytes: Buffer.byteLength(body), sha256 })
        return model.stream(request, options)
      },
    }),
    ended: (line) => write({ type: 'ended', at: new Date().toISOString(), ...line }),
  }
}
