/** Makes a folder with the ones above it. */
import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Instead of Node's recursive mkdir, which never returns where a file system answers "no such file" to a new folder, as
 * /proc does. An existing folder is left as it is. Throws the error of the file system.
 */
export function makeFolder(path: string, mode?: number): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() || made(path, mode)) return
  makeFolder(dirname(path), mode)
  // Once: there is a folder above it now, or there never will be one.
  if (!made(path, mode)) mkdirSync(path, { mode })
}

/** false: the one above it is missing. */
function made(path: string, mode?: number): boolean {
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' && dirname(path) !== path) return false
    // Another process may have made it meanwhile.
    if (code !== 'EEXIST' || !statSync(path).isDirectory()) throw error
  }
  return true
}
