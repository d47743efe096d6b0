/** Finds a model's folder: by path, by name in the models folder, or by name in the hub's cache. No network. */
import { basename, dirname, join, resolve } from 'node:path'
import { expandHome } from './expand-home.js'
import { cachedModel, cachedModels } from './hub-cache.js'
import { hubCacheDir } from './hub-paths.js'
import { isFolder, isModel, modelsIn } from './models-dir.js'
import { type KnownModel, notFound } from './not-found.js'
import { nameInAddress } from './pull/hub-name.js'
import { parseRepo, withoutSlash } from './repo.js'

export interface FoundModel {
  /** Absolute. */
  path: string
  /** As shown to the user. */
  name: string
  isDemo: boolean
}

export interface ModelPlaces {
  /** Where names are looked up. */
  modelsDir: string
  /** The cache of the hub's own tools. Default: where those tools would look. */
  hubCache?: string
  /** The folder of the demo model, to recognize it and to find it by the name demo. */
  demo?: string
  /** Formats a command of tether for messages. Default: its words after `tether`. */
  command?: (words: string[]) => string
}

/** `asked`: a path, a name, or an address on the hub. Throws `model_not_found`, saying how to get the model. */
export function findModel(asked: string, places: ModelPlaces): FoundModel {
  const model = withoutSlash(asked)
  const asPath = resolve(expandHome(model))
  if (isModel(asPath)) {
    const isDemo = places.demo !== undefined && asPath === resolve(places.demo)
    return { path: asPath, name: isDemo ? 'demo' : basename(asPath), isDemo }
  }
  const inAddress = nameInAddress(model)
  if (inAddress !== undefined) return findModel(inAddress, places)
  if (!isPath(model)) {
    const found = byName(model, places)
    if (found) return found
  }
  const known = knownModels(places)
  const short = byLastParts(model, known)
  if (short.length === 1 && short[0]) return { ...short[0], isDemo: false }
  const repo = parseRepo(model)
  const isPartial = repo !== undefined && isFolder(partialFolder(join(places.modelsDir, repo.name)))
  const searched = { ...places, isPath: isPath(model), isPartial, known, short }
  throw notFound(model, searched)
}

/** The models whose last component, or components, these are. */
function byLastParts<T extends { name: string }>(model: string, known: T[]): T[] {
  return known.filter(({ name }) => name.endsWith(`/${model}`))
}

/** The model in this folder that a name without its organization means: the one of just that name comes first. */
export function modelNamed(name: string, modelsDir: string): string | undefined {
  const known = modelsIn(modelsDir)
  if (known.includes(name)) return name
  const found = byLastParts(
    name,
    known.map((one) => ({ name: one })),
  )
  return found.length === 1 ? found[0]?.name : undefined
}

/** The names of a model in the configuration, from the least to the most specific. */
export function configNames({ path, name }: Pick<FoundModel, 'path' | 'name'>): string[] {
  return [...new Set([basename(path), name.split('/').at(-1) ?? name, name])]
}

/** The models of both places, by name; in the models folder first. */
export function knownModels({ modelsDir, hubCache = hubCacheDir() }: ModelPlaces): KnownModel[] {
  const known = [
    ...modelsIn(modelsDir).map((name) => ({ name, path: join(modelsDir, name) })),
    ...cachedModels(hubCache),
  ]
  return known.filter(({ name }, i) => known.findIndex((other) => other.name === name) === i)
}

/** The name of a model's folder, of a repository in the cache, or of the demo model. */
function byName(model: string, { modelsDir, hubCache = hubCacheDir(), demo }: ModelPlaces): FoundModel | undefined {
  const repo = parseRepo(model)
  const folders = repo ? [model, repo.name] : [model]
  const name = folders.find((folder) => isModel(join(modelsDir, folder)) && (folder === model || !repo?.revision))
  if (name !== undefined) return { path: join(modelsDir, name), name, isDemo: false }
  const cached = repo && cachedModel(hubCache, repo)
  if (cached) return { path: cached, name: repo.revision ? `${repo.name}@${repo.revision}` : repo.name, isDemo: false }
  return model === 'demo' && demo && isModel(demo) ? { path: resolve(demo), name: 'demo', isDemo: true } : undefined
}

/** Whether this can only be a path: then no model has it as its name. */
function isPath(model: string): boolean {
  return /^(~|\.{1,2})?\//.test(model) || ['~', '.', '..'].includes(model)
}

/** The hidden folder that holds a model's download until it is complete, beside the model's own. */
export function partialFolder(folder: string): string {
  return join(dirname(folder), `.${basename(folder)}.partial`)
}
