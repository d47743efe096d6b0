/** The models folder, and the folders under it that hold a model or what looks like one. */
import { readdirSync, type Stats, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, relative } from 'node:path'
import { weightFiles } from '../engine/weight-files.js'
import { expandHome } from './expand-home.js'

/** How deep models may lie: `name`, `org/name`, and one more for users who sort theirs. */
const depth = 3

/** The models folder where nothing else is set: TETHER_MODELS_DIR, else ~/.tether/models. */
export function defaultModelsDir(env: Record<string, string | undefined> = process.env, home = homedir()): string {
  return expandHome(env.TETHER_MODELS_DIR || '~/.tether/models', home)
}

/** Names of the folders with a config.json, such as `gemma` or `org/gemma`, sorted. */
export function modelsIn(modelsDir: string): string[] {
  return lookIn(modelsDir, () => false)
}

/**
 * The same, with folders and files that have no config.json where `isOther` is true. A folder that holds a model is not
 * listed itself.
 */
export function lookIn(modelsDir: string, isOther: (path: string) => boolean): string[] {
  const found: string[] = []
  const look = (folder: string, left: number) => {
    for (const entry of foldersIn(folder)) {
      const path = join(folder, entry)
      const before = found.length
      if (isModel(path)) found.push(path)
      else if (left > 1) look(path, left - 1)
      if (found.length === before && isOther(path)) found.push(path)
    }
  }
  look(modelsDir, depth)
  found.push(...filesIn(modelsDir).filter(isOther))
  return found.map((path) => relative(modelsDir, path)).sort()
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

/** Bytes of the weights on disk. 0 if the folder cannot be read: loading it will say why. */
export function weightsSize(folder: string): number {
  try {
    return weightFiles(folder).files.reduce((sum, file) => sum + statSync(file).size, 0)
  } catch {
    return 0
  }
}

/** Folders and links to folders, without hidden ones. Empty if the folder cannot be read. */
export function foldersIn(folder: string): string[] {
  return entriesOf(folder).filter((name) => !name.startsWith('.') && isFolder(join(folder, name)))
}

/** Paths of the files and links to files, without hidden ones. */
function filesIn(folder: string): string[] {
  return entriesOf(folder)
    .filter((name) => !name.startsWith('.'))
    .map((name) => join(folder, name))
    .filter(isFile)
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
