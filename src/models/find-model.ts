/** Finds a model's folder: by path, by name in the models folder, or by name in the hub's cache. No network. */
import { basename, dirname, join, resolve } from 'node:path'
import { TetherError } from '../errors.js'
import { expandHome } from './expand-home.js'
import { cachedModel, cachedModels } from './hub-cache.js'
import { hubCacheDir } from './hub-paths.js'
import { isFolder, isModel, modelsIn, whyNotModel } from './models-dir.js'
import { nearest } from './nearest.js'
import { parseRepo } from './repo.js'

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
  /** The folder of the demo model, to recognize it. */
  demo?: string
}

/** Throws `model_not_found`, saying where it looked and how to get the model. */
export function findModel(model: string, places: ModelPlaces): FoundModel {
  const asPath = resolve(expandHome(model))
  if (isModel(asPath)) {
    const isDemo = places.demo !== undefined && asPath === resolve(places.demo)
    return { path: asPath, name: isDemo ? 'demo' : basename(asPath), isDemo }
  }
  const asName = join(places.modelsDir, model)
  if (isModel(asName)) return { path: asName, name: model, isDemo: false }
  const repo = parseRepo(model)
  const cached = repo && cachedModel(places.hubCache ?? hubCacheDir(), repo)
  if (cached) return { path: cached, name: model, isDemo: false }
  throw new TetherError('model_not_found', notThere(model, [asPath, asName], places))
}

function notThere(model: string, paths: string[], places: ModelPlaces): string {
  const hubCache = places.hubCache ?? hubCacheDir()
  const repo = parseRepo(model)
  const tried = paths.map((path) => `${path} ${whyNotModel(path)}`)
  if (repo) tried.push(`it is not in ${hubCache}`)
  const names = [...modelsIn(places.modelsDir), ...cachedModels(hubCache).map(({ name }) => name)]
  return [`there is no model ${model}`, tried.join(', '), whatToDo(model, names, places.modelsDir)].join('; ')
}

function whatToDo(model: string, names: string[], modelsDir: string): string {
  if (parseRepo(model) && isFolder(partialFolder(join(modelsDir, model.replace(/@.*/, ''))))) {
    return `its download is not complete; to continue: tether pull ${model}`
  }
  const repo = parseRepo(model)
  const get = repo ? `to get it: tether pull ${model}` : 'to get one from the hub: tether pull ORG/NAME'
  const near = nearest(model, names) ?? names.find((name) => name.endsWith(`/${model}`))
  if (near && near !== model) return repo ? `did you mean ${near}? If not, ${get}` : `did you mean ${near}?`
  return names.length > 0 && !repo ? `there are: ${names.slice(0, 12).join(', ')}; ${get}` : get
}

/** The hidden folder that holds a model's download until it is complete, beside the model's own. */
export function partialFolder(folder: string): string {
  return join(dirname(folder), `.${basename(folder)}.partial`)
}
