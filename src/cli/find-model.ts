/** Which model folder is meant: by path, by name, or as the only one there is. */
import { readdirSync, type Stats, statSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import { TetherError } from '../errors.js'
import { expandHome } from './expand-home.js'
import { nearest } from './nearest.js'

export interface FoundModel {
  /** Absolute. */
  path: string
  /** For people. */
  name: string
  isDemo: boolean
}

export interface ModelChoice {
  model?: string
  /** Where names are looked up, if asked for. */
  modelsDir?: string
  defaultModelsDir: string
  demo: string
}

/** Throws `model_not_found`, saying where it looked. */
export function findModel({ model, modelsDir: asked, defaultModelsDir, demo }: ModelChoice): FoundModel {
  if (asked !== undefined && !isFolder(asked)) {
    throw new TetherError('model_not_found', `--models-dir ${asked} is no folder`)
  }
  const modelsDir = asked ?? defaultModelsDir
  if (model !== undefined) return named(model, modelsDir, demo)
  const there = modelsIn(modelsDir)
  if (there.length === 1 && there[0]) return { path: join(modelsDir, there[0]), name: there[0], isDemo: false }
  if (there.length === 0) return { path: demo, name: 'demo', isDemo: true }
  const list = there.map((name) => `  --model ${name}`).join('\n')
  throw new TetherError('model_not_found', `there are ${there.length} models in ${modelsDir}; choose one:\n${list}`)
}

/** Names of the folders with a config.json, such as `gemma` or `org/gemma`, sorted. */
function modelsIn(modelsDir: string, depth = 3): string[] {
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

function named(model: string, modelsDir: string, demo: string): FoundModel {
  const asPath = resolve(expandHome(model))
  const asName = join(modelsDir, model)
  for (const path of [asPath, asName]) {
    if (isModel(path)) {
      const isDemo = path === resolve(demo)
      return { path, name: isDemo ? 'demo' : path === asName ? model : basename(path), isDemo }
    }
  }
  throw new TetherError('model_not_found', `there is no model ${model}; ${looked(model, [asPath, asName], modelsDir)}`)
}

function looked(model: string, places: string[], modelsDir: string): string {
  const tried = places.map((path) => `${path} ${whyNot(path)}`).join(', ')
  const names = modelsIn(modelsDir)
  const near = nearest(model, names) ?? names.find((name) => name.endsWith(`/${model}`))
  const more = near ? `did you mean ${near}?` : names.length > 0 ? `there are: ${names.join(', ')}` : ''
  // What looks like a name on Hugging Face can be had from there, but tether itself goes to no network.
  const isRepository = /^[\w-][\w.-]*\/[\w.-]+$/.test(model) && !near
  const get = isRepository ? `to get it: hf download ${model} --local-dir ${join(modelsDir, model)}` : ''
  return [tried, more, get].filter(Boolean).join('; ')
}

function whyNot(path: string): string {
  if (!exists(path)) return 'does not exist'
  return isFolder(path) ? 'has no config.json' : 'is a file (name its folder)'
}

/** Folders and links to folders, without hidden ones. None where there is nothing to read. */
function foldersIn(folder: string): string[] {
  if (!exists(folder)) return []
  return readdirSync(folder).filter((name) => !name.startsWith('.') && isFolder(join(folder, name)))
}

function isModel(path: string): boolean {
  return stat(join(path, 'config.json'))?.isFile() === true
}

function isFolder(path: string): boolean {
  return stat(path)?.isDirectory() === true
}

function exists(path: string): boolean {
  return stat(path) !== undefined
}

/** What cannot be looked at (no such file, no permission, a file in the place of a folder) is not there for us. */
function stat(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}
