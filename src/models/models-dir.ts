/** The folders under the models folder that hold a model. */
import { readdirSync, type Stats, statSync } from 'node:fs'
import { join, relative } from 'node:path'

/** How deep models may lie: `name`, `org/name`, and one more for users who sort theirs. */
const depth = 3

/** Names of the folders with a config.json, such as `gemma` or `org/gemma`, sorted. */
export function modelsIn(modelsDir: string): string[] {
  const found: string[] = []
  const look = (folder: string, left: number) => {
    for (const entry of foldersIn(folder)) {
      const path = join(folder, entry)
      if (isModel(path)) found.push(relative(modelsDir, path))
      else if (left > 1) look(path, left - 1)
    }
  }
  look(modelsDir, depth)
  return found.sort()
}

export function isModel(path: string): boolean {
  return isFile(join(path, 'config.json'))
}

export function isFolder(path: string): boolean {
  return stat(path)?.isDirectory() === true
}

export function isFile(path: string): boolean {
  return stat(path)?.isFile() === true
}

/** Why a path is not a model: the end of a sentence that begins with the path. */
export function whyNotModel(path: string): string {
  if (stat(path) === undefined) return 'does not exist'
  return isFolder(path) ? 'has no config.json' : 'is a file (name its folder)'
}

/** Bytes of the weights on disk. 0 if the folder cannot be read: loading it will say why. */
export function weightsSize(folder: string): number {
  try {
    const files = readdirSync(folder).filter((name) => name.endsWith('.safetensors'))
    return files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
  } catch {
    return 0
  }
}

/** Folders and links to folders, without hidden ones. Empty if the folder cannot be read. */
export function foldersIn(folder: string): string[] {
  return entriesOf(folder).filter((name) => !name.startsWith('.') && isFolder(join(folder, name)))
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    // No such folder, no permission, or a file in its place.
    return []
  }
}

function stat(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}
