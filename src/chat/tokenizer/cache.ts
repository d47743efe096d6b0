/**
 * Tables of tokenizers on disk, one file for each tokenizer.json, named by its hash. A file that is damaged, or that
 * other users can write, is ignored.
 */
import { type CacheFolder, readCached, writeCached } from '../cache-folder.js'
import { FORMAT, pack, type Saved, unpack } from './table-file.js'

/** Gemma's tables take 17 MB. */
const cacheFolder = (path: string): CacheFolder => ({ path, ending: '.tables', mostBytes: 256 * 2 ** 20 })

/** `key`: the 32 bytes of the hash. */
export async function readTables(dir: string, key: Uint8Array): Promise<Saved | undefined> {
  const block = await readCached(cacheFolder(dir), nameOf(key), async (file, bytes) => {
    if (bytes % 4 !== 0) return undefined
    const block = new Int32Array(bytes / 4)
    const { bytesRead } = await file.read(new Uint8Array(block.buffer), 0, bytes, 0)
    return bytesRead === bytes ? block : undefined
  })
  return block && unpack(block, key)
}

export async function writeTables(dir: string, key: Uint8Array, saved: Saved): Promise<void> {
  await writeCached(cacheFolder(dir), nameOf(key), pack(saved, key))
}

function nameOf(key: Uint8Array): string {
  return `${Buffer.from(key).toString('hex')}-v${FORMAT}`
}
