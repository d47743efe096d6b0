/** Reads a file of a checkpoint, which may be anything: a pipe, a device without an end, or far too large. */
import { readFileSync, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'

/** Bytes. The largest such files in use are tokenizers of some 40 MB. */
const MOST = 512 * 2 ** 20

/** Throws the error of the file system, or an Error that says what is there instead of a file. */
export async function readRegularFile(path: string): Promise<Buffer> {
  checkSize(checkRegular(await stat(path)))
  return readFile(path)
}

/** The same, at once. */
export function readRegularFileSync(path: string): Buffer {
  checkSize(checkRegular(statSync(path)))
  return readFileSync(path)
}

/** Throws an Error if something else than a file is there: opening a pipe would wait for who writes into it. */
export function checkRegularFile(path: string): void {
  checkRegular(statSync(path))
}

interface Found {
  isFile(): boolean
  isDirectory(): boolean
  size: number
}

function checkRegular(found: Found): Found {
  if (found.isFile()) return found
  throw new Error(`it is a ${found.isDirectory() ? 'folder' : 'pipe or a device'}, not a file`)
}

function checkSize({ size }: Found): void {
  if (size > MOST) throw new Error(`it has ${size} bytes, more than ${MOST}`)
}
