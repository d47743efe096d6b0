/** Writes a small file that only this user may read, as a whole. */
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { makeFolder } from './make-folder.js'

/** For files that tether can do without: never throws. Another tether reads the whole file or the one before. */
export function writePrivate(path: string, content: string | Uint8Array): void {
  try {
    writeWhole(path, content)
  } catch {
    // It can do without.
  }
}

/** The same for others. Throws the error of the file system, and then leaves what was there before. */
export function writeWhole(path: string, content: string | Uint8Array): void {
  const part = `${path}.${process.pid}.part`
  try {
    makeFolder(dirname(path), 0o700)
    writeFileSync(part, content, { mode: 0o600 })
    renameSync(part, path)
  } catch (error) {
    remove(part)
    throw error
  }
}

/** Never throws. */
export function remove(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // It cannot be there: its folder is a file, or may not be written.
  }
}
