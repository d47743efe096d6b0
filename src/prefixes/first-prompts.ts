/**
 * What the last session in each folder began with, as tokens: the next one there will probably begin the same way. The
 * files are optional: what the system refuses is ignored.
 */
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { writePrivate } from '../write-private.js'
import { firstPromptFile, ownFile } from './folder.js'

/** Folders that are remembered. */
const mostPrompts = 64
/** A longer prompt is cut. */
const mostTokens = 2 ** 20

/** `folder`: of the model; `worked`: where the session worked. */
export function readFirstPrompt(folder: string, worked: string): Int32Array | undefined {
  try {
    const path = pathOf(folder, worked)
    const { size } = statSync(path)
    if (size === 0 || size % 4 !== 0 || size > 4 * mostTokens) return undefined
    const bytes = readFileSync(path)
    return Int32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readInt32LE(4 * i))
  } catch {
    return undefined
  }
}

/** -> when the oldest ones of too many are gone */
export async function writeFirstPrompt(folder: string, worked: string, tokens: Int32Array): Promise<void> {
  const kept = tokens.subarray(0, mostTokens)
  const bytes = Buffer.alloc(4 * kept.length)
  for (const [i, token] of kept.entries()) bytes.writeInt32LE(token, 4 * i)
  writePrivate(pathOf(folder, worked), bytes)
  await removeOldest(folder).catch(() => {})
}

function pathOf(folder: string, worked: string): string {
  return join(folder, firstPromptFile(createHash('sha256').update(worked).digest('hex').slice(0, 32)))
}

async function removeOldest(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => ownFile(name)?.kind === 'first')
  if (names.length <= mostPrompts) return
  const files = await Promise.all(names.map(async (name) => ({ name, time: (await stat(join(folder, name))).mtimeMs })))
  files.sort((one, other) => other.time - one.time)
  for (const { name } of files.slice(mostPrompts)) await rm(join(folder, name), { force: true })
}
