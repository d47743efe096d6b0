/** The header of a record: keys and values of one block of tokens, in a file that the engine writes. */
import { closeSync, openSync, readSync } from 'node:fs'
import { FORMAT } from './folder.js'

export interface RecordHeader {
  /** Of the file's format. Of a later one nothing else is known. */
  version: number
  /** The block's own key, and that of the block before it; empty for none. Hexadecimal. */
  key: string
  parent: string
  /** Tokens of the block. */
  tokens: number
  /** How many requests used the block. */
  hits: number
}

const magic = 'tetherKV'
const fixedBytes = 88
const alignment = 64

/** undefined for a file that is no whole record: damaged, or still being written. `size`: of the file. */
export function readRecordHeader(path: string, size: number): RecordHeader | undefined {
  const bytes = Buffer.alloc(fixedBytes)
  if (!readStart(path, bytes) || bytes.toString('latin1', 0, 8) !== magic) return undefined
  const version = bytes.readUInt32LE(8)
  const [tokens, hits] = [bytes.readUInt32LE(20), bytes.readUInt32LE(28)]
  const [key, parent] = [bytes.toString('hex', 32, 48), bytes.toString('hex', 48, 64)]
  if (version > FORMAT) return { version, key, parent, tokens, hits }
  const payload = Number(bytes.readBigUInt64LE(64))
  const start = Math.ceil((fixedBytes + 4 * tokens) / alignment) * alignment
  if (tokens === 0 || start + payload !== size) return undefined
  return { version, key, parent: /^0+$/.test(parent) ? '' : parent, tokens, hits }
}

/** Whether the file has so many bytes at its start. */
function readStart(path: string, bytes: Buffer): boolean {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    return readSync(file, bytes, 0, bytes.length, 0) === bytes.length
  } catch {
    // Another tether may have removed it since it was listed.
    return false
  } finally {
    if (file !== undefined) closeSync(file)
  }
}
