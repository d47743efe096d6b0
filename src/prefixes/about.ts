/** about.json in a folder of kept prefixes: which model it belongs to, for people. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { writePrivate } from '../write-private.js'
import { aboutFile, FORMAT } from './folder.js'

export interface About {
  /** The name of the model, as it was loaded. */
  model: string
  /** The folder of its checkpoint. */
  path: string
  version: number
}

/** A larger file is not tether's. */
const mostBytes = 65_536

/** Never throws: nothing depends on it. */
export function writeAbout(folder: string, { model, path }: Pick<About, 'model' | 'path'>): void {
  const old = readAbout(folder)
  if (old && (old.version > FORMAT || (old.model === model && old.path === path))) return
  writePrivate(join(folder, aboutFile), `${JSON.stringify({ model, path, version: FORMAT } satisfies About)}\n`)
}

/** undefined if there is none, or if it cannot be read. */
export function readAbout(folder: string): About | undefined {
  try {
    const file = join(folder, aboutFile)
    if (statSync(file).size > mostBytes) return undefined
    const { model, path, version } = JSON.parse(readFileSync(file, 'utf8')) as Partial<About>
    const isWhole = typeof model === 'string' && typeof path === 'string' && typeof version === 'number'
    return isWhole ? { model, path, version } : undefined
  } catch {
    return undefined
  }
}
