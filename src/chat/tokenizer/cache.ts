/**
 * Tables of tokenizers on disk, one file for each tokenizer.json, named by its hash. A file that is damaged, or that
 * other users can write, is ignored. A failed write is ignored too. Files appear whole (by rename), so processes do not
 * disturb each other.
 */
import { randomBytes } from 'node:crypto'
import { open, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../../make-folder.js'
import { FORMAT, pack, type Saved, unpack } from './table-file.js'

/** All files together; the least recently used go first. Gemma's takes 17 MB. */
const MOST_BYTES = 256 * 2 ** 20
/** A temporary file of this age was abandoned. */
const ABANDONED_MS = 3_600_000

/** `key`: the 32 bytes of the hash. */
export async function readTables(dir: string, key: Uint8Array): Promise<Saved | undefined> {
  const path = join(dir, fileName(key))
  const block = await orNothing(readPrivately(path))
  const saved = block && unpack(block, key)
  const now = new Date()
  if (saved) await orNothing(utimes(path, now, now))
  return saved
}

export async function writeTables(dir: string, key: Uint8Array, saved: Saved): Promise<void> {
  const write = async () => {
    makeFolder(dir, 0o700)
    await writeWhole(join(dir, fileName(key)), pack(saved, key))
    await clean(dir)
  }
  await orNothing(write())
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${randomBytes(8).toString('hex')}.part`
  try {
    await writeFile(temporary, bytes, { mode: 0o600, flag: 'wx' })
    await rename(temporary, path)
  } finally {
    await rm(temporary, { force: true })
  }
}

function fileName(key: Uint8Array): string {
  return `${Buffer.from(key).toString('hex')}-v${FORMAT}.tables`
}

/** undefined: other users can write it, or it is not a table file. */
async function readPrivately(path: string): Promise<Int32Array<ArrayBuffer> | undefined> {
  const file = await open(path, 'r')
  try {
    const { size, uid, mode } = await file.stat()
    const mine = process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0)
    if (!mine || size % 4 !== 0) return undefined
    const block = new Int32Array(size / 4)
    const { bytesRead } = await file.read(new Uint8Array(block.buffer), 0, size, 0)
    return bytesRead === size ? block : undefined
  } finally {
    await file.close()
  }
}

async function clean(dir: string): Promise<void> {
  const files = []
  for (const name of await readdir(dir)) {
    if (!/\.(tables|part)$/.test(name)) continue
    const path = join(dir, name)
    const { size, mtimeMs } = await stat(path)
    if (name.endsWith('.part')) {
      if (Date.now() - mtimeMs > ABANDONED_MS) await rm(path, { force: true })
    } else files.push({ path, size, mtimeMs })
  }
  files.sort((a, b) => b.mtimeMs - a.mtimeMs)
  let bytes = 0
  for (const { path, size } of files) {
    bytes += size
    if (bytes > MOST_BYTES) await rm(path, { force: true })
  }
}

/** undefined if the system reports an error: the cache is optional. */
async function orNothing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException)?.syscall === 'string') return undefined
    throw error
  }
}
