/**
 * Keeps descriptions of models in a file, since reading the headers of hundreds takes seconds. A description is used only
 * while its folder is exactly as it was: the same files with the same sizes and times. Only models that were just
 * described are kept, so the file does not grow.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { writePrivate } from '../write-private.js'

export interface DescriptionCache<Description extends object> {
  /** The kept description of a folder, or a new one. */
  get(folder: string, describe: () => Promise<Description>): Promise<Description>
  /** Writes the file if anything has changed. Never throws. */
  save(): void
}

interface Entry {
  stamp: string
  description: object
}

/** ~/.tether/cache/models.json */
export function descriptionFile(): string {
  return join(homedir(), '.tether', 'cache', 'models.json')
}

/** A folder that changed less than this ago may change again within one tick of the file system's clock. */
const settledMs = 2000
/** A larger file is not tether's. */
const mostBytes = 32 * 2 ** 20

/**
 * `about` is what else the descriptions depend on: others are dropped. `isSound` checks one that comes from the file.
 * undefined for `file`: nothing is kept.
 */
export function openDescriptionCache<Description extends object>(
  file: string | undefined,
  about: object,
  isSound: (description: object) => boolean,
): DescriptionCache<Description> {
  if (file === undefined) return { get: (_, describe) => describe(), save: () => {} }
  const made = JSON.stringify({ ...about, build: build() })
  const old = readEntries(file, made)
  const entries = new Map<string, Entry>()
  let changed = false
  return {
    async get(folder, describe) {
      const stamp = stampOf(folder)
      const kept = old.get(folder)
      if (kept && kept.stamp === stamp && isSound(kept.description)) {
        entries.set(folder, kept)
        return kept.description as Description
      }
      const description = await describe()
      // Stamped before it was read and still the same, so nothing changed in between.
      if (stamp === undefined || stampOf(folder) !== stamp) return description
      entries.set(folder, { stamp, description })
      changed = true
      return description
    },
    save() {
      if (!changed && entries.size === old.size) return
      writePrivate(file, `${JSON.stringify({ made, models: Object.fromEntries(entries) })}\n`)
    },
  }
}

/** Changes with every build and every version of tether. */
function build(): string {
  const { mtimeMs, size } = statSync(fileURLToPath(import.meta.url))
  const root = fileURLToPath(new URL('../..', import.meta.url))
  return `${root} ${mtimeMs} ${size} ${statSync(join(root, 'package.json')).mtimeMs}`
}

/** Empty if there is no such file, if it is damaged, or if it was made from anything else. */
function readEntries(file: string, made: string): Map<string, Entry> {
  try {
    if (statSync(file).size > mostBytes) return new Map()
    const kept = JSON.parse(readFileSync(file, 'utf8')) as { made?: unknown; models?: Record<string, Entry> }
    return new Map(kept.made === made ? Object.entries(kept.models ?? {}).filter(([, entry]) => isEntry(entry)) : [])
  } catch {
    return new Map()
  }
}

function isEntry(entry: unknown): boolean {
  const { stamp, description } = (entry ?? {}) as Partial<Entry>
  return typeof stamp === 'string' && typeof description === 'object' && description !== null
}

/** Every file of a folder with what changes when its content does. undefined if that cannot be known, or not yet. */
function stampOf(folder: string): string | undefined {
  try {
    return filesOf(folder, 1).join('//')
  } catch {
    // Such as a link that leads nowhere.
    return undefined
  }
}

/** `deeper`: levels of folders below. Chat templates may be one level below the checkpoint, nothing is further down. */
function filesOf(folder: string, deeper: number): string[] {
  const settled = Date.now() - settledMs
  return ['', ...readdirSync(folder).sort()].flatMap((name) => {
    const path = join(folder, name)
    const about = statSync(path)
    const { ino, size, mtimeMs, ctimeMs } = about
    if (ctimeMs > settled) throw new Error('changed just now')
    const within = deeper > 0 && name !== '' && about.isDirectory() ? filesOf(path, deeper - 1) : []
    return [`${name}/${ino}/${size}/${mtimeMs}/${ctimeMs}`, ...within]
  })
}
