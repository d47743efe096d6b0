/** Reads a file of a checkpoint, which may be anything: a pipe, a device without an end, or far too large. */
import { readFileSync, statSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'

/** Bytes. The largest such files in use are tokenizers of some 40 MB. */
const MOST = 128 * 2 ** 20
/** Of other files: the largest in use are tokenizer_config.json with some 2 MB. */
export const MOST_OF_JSON = 16 * 2 ** 20

/** Throws the error of the file system, or an Error that says what is there instead of a file. `most`: bytes. */
export async function readRegularFile(path: string, most = MOST): Promise<Buffer> {
  checkSize(checkRegular(await stat(path)), most)
  return readFile(path)
}

/** The same, at once. */
export function readRegularFileSync(path: string, most = MOST): Buffer {
  checkSize(checkRegular(statSync(path)), most)
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

function checkSize({ size }: Found, most: number): void {
  if (size > most) throw new Error(`it has ${size} bytes, more than ${most}`)
}
