/** What to say when a model is not found: at most four short lines, each command on a line of its own. */
import { join, resolve } from 'node:path'
import { TetherError } from '../errors.js'
import { close } from '../nearest.js'
import { oneLine } from '../one-line.js'
import { parsePythonJson } from '../python-json.js'
import { MOST_OF_JSON, readRegularFileSync } from '../read-file.js'
import { expandHome } from './expand-home.js'
import { foreignFormat } from './foreign-format.js'
import { isWhole, snapshotsOf } from './hub-cache.js'
import { hubCacheDir } from './hub-paths.js'
import { isFile, isFolder } from './models-dir.js'
import { parseRepo, type Repo } from './repo.js'

export interface KnownModel {
  name: string
  /** Absolute. */
  path: string
}

export interface Searched {
  modelsDir: string
  hubCache?: string
  command?: (words: string[]) => string
  /** The folder of the demo model, if its name is one. */
  demo?: string
  /** Whether the model was named by its path. */
  isPath: boolean
  /** Whether its download has begun and is not complete. */
  isPartial: boolean
  /** All models that could be named. */
  known: KnownModel[]
  /** Those whose last components are the name. */
  short: KnownModel[]
}

/** A model that has a name on the hub, and is not on this machine or not complete. */
export class ModelMissing extends TetherError {
  constructor(
    message: string,
    readonly repo: Repo,
  ) {
    super('model_not_found', message)
  }
}

/** How many names are suggested. */
const most = 3

/** The error `model_not_found`: ModelMissing where a pull could bring the model. */
export function notFound(asked: string, searched: Searched): TetherError {
  const [message, repo] = whyNotFound(asked, searched)
  return repo ? new ModelMissing(message, repo) : new TetherError('model_not_found', message)
}

/** With the repository that a pull could bring. */
function whyNotFound(asked: string, searched: Searched): [message: string, repo?: Repo] {
  const model = oneLine(asked)
  const { modelsDir, hubCache = hubCacheDir(), isPath, short, command = plain } = searched
  if (short.length > 1) {
    const commands = short.slice(0, most).map(({ name }) => command(['--model', name]))
    return [lines(`${short.length} models are named ${model}. Use the full name, such as:`, ...commands)]
  }
  const path = resolve(expandHome(asked))
  const repo = parseRepo(asked)
  const folders = isPath ? [path] : [path, join(modelsDir, asked), ...(repo ? snapshotsOf(hubCache, repo.name) : [])]
  for (const folder of folders) {
    const foreign = foreignFormat(folder)
    if (foreign) return [oneLine(`${folder} cannot be used: ${foreign}`)]
  }
  if (isPath) return [notAtPath(path)]
  const pull = command(['pull', asked])
  if (repo && searched.isPartial)
    return [lines(`the download of ${repo.name} is not complete. To continue it:`, pull), repo]
  const usable = searched.known.filter(({ path: folder }) => looksUsable(folder)).map(({ name }) => name)
  const near = close(asked, searched.demo === undefined ? usable : [...usable, 'demo'], most)
  const missing = `no model named ${model}${near.length > 0 ? ` (similar: ${oneLine(near.join(', '))})` : ''}`
  if (repo) return [lines(`${missing} on this machine. To download it:`, pull), repo]
  return [lines(`${missing}. To list all, or to download one:`, command(['--list']), command(['pull', 'ORG/NAME']))]
}

function notAtPath(folder: string): string {
  const path = oneLine(folder)
  if (isFile(folder)) return `${path} is a file. Pass the folder of an MLX checkpoint.`
  if (isFolder(folder)) return `${path} has no config.json. Pass the folder of an MLX checkpoint.`
  return `no such folder: ${path}`
}

/** Whether a model is worth suggesting: it has a config and its weights. Reads no weights. */
function looksUsable(folder: string): boolean {
  try {
    const config = parsePythonJson(readRegularFileSync(join(folder, 'config.json'), MOST_OF_JSON).toString('utf8'))
    return typeof config === 'object' && config !== null && 'model_type' in config && isWhole(folder)
  } catch {
    return false
  }
}

/** Commands are indented, so that a terminal does not wrap them and they can be pasted. */
function lines(text: string, ...commands: string[]): string {
  return [text, ...commands.map((line) => `  ${line}`)].join('\n')
}

function plain(words: string[]): string {
  return ['tether', ...words].join(' ')
}
