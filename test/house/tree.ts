/** The files of this repository: all but what .gitignore names. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '..', '..')

const ignored = new Set(
  readFileSync(join(root, '.gitignore'), 'utf8')
    .split('\n')
    .map((line) => line.replace(/\/$/, ''))
    .concat('.git'),
)

const entries = [...walk('')]

/** Every file, by its path from the root. */
export const files = entries.filter(({ isFolder }) => !isFolder).map(({ path }) => path)

/** Every folder, by its path from the root, without a slash at the end. */
export const folders = entries.filter(({ isFolder }) => isFolder).map(({ path }) => path)

export function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

export function isIgnored(name: string): boolean {
  return ignored.has(name)
}

function* walk(folder: string): Generator<{ path: string; isFolder: boolean }> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    if (isIgnored(entry.name)) continue
    const path = join(folder, entry.name)
    yield { path, isFolder: entry.isDirectory() }
    if (entry.isDirectory()) yield* walk(path)
  }
}
