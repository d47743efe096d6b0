/**
 * A folder of cached files that only this user reads and writes. Files appear whole (by rename), so processes do not
 * disturb each other; the least recently used go first. The cache is optional: what the system refuses is ignored.
 */
import { randomBytes } from 'node:crypto'
import { type FileHandle, open, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../make-folder.js'

/** A temporary file of this age was abandoned. */
const ABANDONED_MS = 3_600_000

export interface CacheFolder {
  path: string
  /** The ending of its files' names, with the dot. */
  ending: string
  /** All files together. */
  mostBytes: number
}

/** `read`: reads the open file, or says undefined if it is not a whole one. undefined too if others can write it. */
export async function readCached<T>(
  { path: folder, ending }: CacheFolder,
  name: string,
  read: (file: FileHandle, bytes: number) => Promise<T | undefined>,
): Promise<T | undefined> {
  const path = join(folder, name + ending)
  const value = await orNothing(readPrivately(path, read))
  const now = new Date()
  if (value !== undefined) await orNothing(utimes(path, now, now))
  return value
}

export async function writeCached(folder: CacheFolder, name: string, bytes: Uint8Array | string): Promise<void> {
  const write = async () => {
    makeFolder(folder.path, 0o700)
    await writeWhole(join(folder.path, name + folder.ending), bytes)
    await clean(folder)
  }
  await orNothing(write())
}

async function readPrivately<T>(path: string, read: (file: FileHandle, bytes: number) => Promise<T>) {
  const file = await open(path, 'r')
  try {
    const { size, uid, mode } = await file.stat()
    const mine = process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0)
    return mine ? await read(file, size) : undefined
  } finally {
    await file.close()
  }
}

async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${randomBytes(8).toString('hex')}.part`
  try {
    await writeFile(temporary, bytes, { mode: 0o600, flag: 'wx' })
    await rename(temporary, path)
  } finally {
    await rm(temporary, { force: true })
  }
}

async function clean({ path: folder, ending, mostBytes }: CacheFolder): Promise<void> {
  const files = []
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    if (!name.endsWith(ending) && !name.endsWith('.part')) continue
    const { size, mtimeMs } = await stat(path)
    if (name.endsWith('.part')) {
      if (Date.now() - mtimeMs > ABANDONED_MS) await rm(path, { force: true })
    } else files.push({ path, size, mtimeMs })
  }
  files.sort((a, b) => b.mtimeMs - a.mtimeMs)
  let bytes = 0
  for (const { path, size } of files) {
    bytes += size
    if (bytes > mostBytes) await rm(path, { force: true })
  }
}

/** undefined if the system reports an error. */
async function orNothing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException)?.syscall === 'string') return undefined
    throw error
  }
}
