/** Writes files of kept prefixes as the engine does. */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface FakeRecord {
  kind?: 'full' | 'sliding'
  /** Any text; its hash is the block's key. */
  block: string
  /** The block before it. */
  parent?: string
  tokens?: number
  hits?: number
  version?: number
  payload?: number
}

const keyOf = (text: string | undefined): Buffer =>
  text === undefined ? Buffer.alloc(16) : createHash('md5').update(text).digest()

/** -> the path of the file */
export function writeRecord(folder: string, record: FakeRecord): string {
  const { kind = 'full', block, parent, tokens = 256, hits = 0, version = 1, payload = 1000 } = record
  const start = Math.ceil((88 + 4 * tokens) / 64) * 64
  const bytes = Buffer.alloc(start + payload)
  bytes.write('tetherKV', 'latin1')
  for (const [i, value] of [version, kind === 'full' ? 0 : 1, 0, tokens, 0, hits].entries()) {
    bytes.writeUInt32LE(value, 8 + 4 * i)
  }
  keyOf(block).copy(bytes, 32)
  keyOf(parent).copy(bytes, 48)
  bytes.writeBigUInt64LE(BigInt(payload), 64)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, `${keyOf(block).toString('hex')}.${kind}`)
  writeFileSync(path, bytes, { mode: 0o600 })
  return path
}
