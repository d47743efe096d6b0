/** Bodies: a request's bytes, bounded each and all together, and JSON answers. */

import { createHash } from 'node:crypto'
import type { Limits } from '../limits.js'
import { type Blocks, blocksOf } from './blocks.js'
import { HttpError } from './http-error.js'

/** Reads bodies. What it has read counts against the bound of all until it is released. */
export interface BodyReader {
  /** Throws `too_large`, `timeout`, `overloaded`, or `unsupported_media_type` for what is not JSON. */
  read(request: Request): Promise<HeldBody>
}

export interface HeldBody extends Blocks {
  /** SHA-256 of the bytes, in hexadecimal digits. */
  readonly sha256: string
  /** Safe to call twice. */
  release(): void
}

/** A body that is being read, or waits. */
interface Entry {
  /** Of memory, which may be more than what has come. */
  bytes: number
  /** Ends the reading; unset once it is over. */
  stop?: (fault: HttpError) => void
}

const FIRST_BLOCK = 4096
const LARGEST_BLOCK = 2 ** 20

export function createBodyReader(limits: Pick<Limits, 'maxBody' | 'maxBodies' | 'bodyTimeout'>): BodyReader {
  const { maxBody, maxBodies, bodyTimeout } = limits
  const entries = new Set<Entry>()
  let total = 0

  const release = (entry: Entry) => {
    total -= entry.bytes
    entry.bytes = 0
    entries.delete(entry)
  }
  /** The largest goes, so that the small request of another client is read all the same. */
  const reserve = (entry: Entry, bytes: number) => {
    total += bytes
    entry.bytes += bytes
    while (total > maxBodies) {
      const reading = [...entries].filter(({ stop }) => stop)
      const largest = reading.reduce((one, other) => (other.bytes > one.bytes ? other : one), entry)
      release(largest)
      largest.stop?.(tooMany(maxBodies))
      if (largest === entry) return
    }
  }

  return {
    async read(request) {
      checkJson(request)
      const declared = Number(request.headers.get('content-length') ?? 0)
      if (declared > maxBody) throw tooLarge(`${declared} bytes`, maxBody)
      const entry: Entry = { bytes: 0 }
      entries.add(entry)
      try {
        const seconds = bodyTimeout
        const { blocks, sha256 } = await readAll(request, {
          ...{ entry, maxBody, seconds },
          reserve: (more) => reserve(entry, more),
        })
        const held = blocksOf(blocks)
        return {
          ...held,
          sha256,
          release() {
            held.drop()
            release(entry)
          },
        }
      } catch (error) {
        release(entry)
        throw error
      }
    },
  }
}

interface Reading {
  entry: Entry
  maxBody: number
  seconds: number
  reserve: (bytes: number) => void
}

interface Read {
  blocks: Uint8Array[]
  sha256: string
}

/** The digest is taken piece by piece, since that of a large body would take too long at once. */
async function readAll(request: Request, { entry, maxBody, seconds, reserve }: Reading): Promise<Read> {
  const hash = createHash('sha256')
  const reader = request.body?.getReader()
  if (!reader) return { blocks: [], sha256: hash.digest('hex') }
  let fault: HttpError | undefined
  entry.stop = (error) => {
    fault ??= error
    reader.cancel().catch(() => {})
  }
  const late = () => entry.stop?.(new HttpError('timeout', `the body took longer than ${seconds} s (body_timeout)`))
  const timer = setTimeout(late, seconds * 1000)
  const blocks = blockList(reserve)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (fault) throw fault
      if (done) return { blocks: blocks.all(), sha256: hash.digest('hex') }
      if (blocks.length() + value.byteLength > maxBody) {
        reader.cancel().catch(() => {})
        throw tooLarge('more bytes', maxBody)
      }
      blocks.add(value)
      hash.update(value)
      if (fault) throw fault
    }
  } finally {
    clearTimeout(timer)
    entry.stop = undefined
  }
}

/** Copies into blocks of its own: many small pieces, kept as they come, would take a hundred times their size. */
function blockList(reserve: (bytes: number) => void) {
  const blocks: Uint8Array[] = []
  let filled = 0
  let used = 0
  return {
    length: () => filled + used,
    add(piece: Uint8Array) {
      let rest = piece
      while (rest.byteLength > 0) {
        let block = blocks.at(-1)
        if (!block || used === block.byteLength) {
          filled += used
          used = 0
          const size = Math.min(LARGEST_BLOCK, Math.max(FIRST_BLOCK, filled))
          reserve(size)
          block = new Uint8Array(size)
          blocks.push(block)
        }
        const part = rest.subarray(0, block.byteLength - used)
        block.set(part, used)
        used += part.byteLength
        rest = rest.subarray(part.byteLength)
      }
    },
    all(): Uint8Array[] {
      const last = blocks.pop()
      return last ? [...blocks, last.subarray(0, used)] : []
    },
  }
}

/** Browsers send other types across origins without asking first. A request without any type is read as JSON. */
function checkJson({ headers }: Request): void {
  const type = headers.get('content-type') ?? ''
  if (type !== '' && !/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type.trim())) {
    throw new HttpError('unsupported_media_type', `content-type ${type} is not supported: send application/json`)
  }
  const encoding = headers.get('content-encoding') ?? 'identity'
  if (encoding.trim().toLowerCase() !== 'identity') {
    throw new HttpError('unsupported_media_type', `content-encoding ${encoding} is not supported: send plain JSON`)
  }
}

function tooLarge(what: string, most: number): HttpError {
  return new HttpError('too_large', `the body has ${what}, more than the limit of ${most} (max_body)`)
}

function tooMany(most: number): HttpError {
  const message = `the bodies of all requests together reach ${most} bytes (max_bodies), and this is the largest`
  return new HttpError('overloaded', message, { 'retry-after': '1' })
}

export function json(value: unknown, status = 200): Response {
  return jsonText(JSON.stringify(value), status)
}

export function jsonText(body: string, status = 200): Response {
  const headers = { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }
  return new Response(body, { status, headers })
}
