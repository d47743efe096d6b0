/** A log with a JSON line for each request and its end, which shows retries, streams and sizes. */
import { closeSync } from 'node:fs'
import { TetherError } from '../../errors.js'
import { oneLine } from '../../one-line.js'
import type { AboutBody, LogLine } from '../../server/serve.js'
import { boundedFile, type FileBounds, openForLines } from '../log/bounded-file.js'
import { jsonLine } from '../log/json-line.js'

export interface RequestLog {
  /** The body of a request for an answer, as it came in, its length and its digest. */
  asked(body: Uint8Array, about: AboutBody): void
  ended(line: LogLine): void
  close(): void
}

/** As of any bounded file. */
export type RequestLogOptions = Required<FileBounds>

/**
 * An `asked` line has the digest of the body, to show a body that was sent twice, and whether it wants a stream. An
 * `ended` line is the server's log line. No prompt and no answer is written. Throws `bad_config` where the file cannot be
 * opened. Later a fault is told once, and writing is tried again with each line: a disk may get room.
 */
export function openRequestLog(path: string, { maxBytes, older, onFault }: RequestLogOptions): RequestLog {
  const unusable = (why: string) => oneLine(`the request log ${path} cannot be written: ${why}`)
  try {
    closeSync(openForLines(path))
  } catch (cause) {
    throw new TetherError('bad_config', unusable((cause as Error).message), { cause })
  }
  const file = boundedFile(path, { maxBytes, older, onFault: (why) => onFault(unusable(why)) })
  const write = (entry: object) => file.write(jsonLine({ ...entry, at: new Date().toISOString() }))
  return {
    asked: (_, { stream, bytes, sha256 }) => write({ type: 'asked', stream, bytes, sha256 }),
    ended: (line) => write({ type: 'ended', ...line }),
    close: file.close,
  }
}
