/** Plans what `tether rm` deletes: a model of the models folder, a download that is not complete, or one of the hub's cache. */

import { lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { TetherError } from '../errors.js'
import { close } from '../nearest.js'
import { oneLine } from '../one-line.js'
import { readRegularFileSync } from '../read-file.js'
import { expandHome } from './expand-home.js'
import { knownModels, partialFolder } from './find-model.js'
import { isForeign } from './foreign-format.js'
import { cachedModel, repositoryFolder, snapshotsOf } from './hub-cache.js'
import { hubCacheDir } from './hub-paths.js'
import { lookIn, modelsIn } from './models-dir.js'
import { receiptFile } from './pull/receipt.js'
import { realPath } from './real-path.js'
import { parseRepo, type Repo, withoutSlash } from './repo.js'

/** Sizes in bytes. */
export interface Removal {
  /** What it is called; of one of several revisions with its commit, so that the same command means it again. */
  name: string
  kind: 'model' | 'link' | 'partial' | 'cached'
  /** What is deleted, in this order: a file, a link, or a folder with all that is in it. */
  steps: Step[]
  /** The folder that a server loads it from, without links on the way. */
  folder: string
  files: number
  bytes: number
  /** What a reader should know before saying yes: sentences without a full stop. */
  notes: string[]
  /** In the models folder: what a pull of the same model locks. */
  lock?: string
}

export interface Step {
  path: string
  /** It first gets this name, under which it is no model, so that half of one is never taken for a whole. */
  hideAs?: string
}

export interface RemovalPlaces {
  modelsDir: string
  /** Default: where the hub's own tools keep it. */
  hubCache?: string
}

/** `asked`: a name or a path. Throws `model_not_found`, also for what lies outside of both places. */
export function planRemoval(asked: string, { modelsDir, hubCache = hubCacheDir() }: RemovalPlaces): Removal[] {
  const places = { modelsDir, hubCache }
  const typed = withoutSlash(asked)
  const name = isPath(typed) ? nameOfPath(resolve(expandHome(typed)), places) : typed
  const found = byName(name, places)
  if (found.length > 0) return found
  const known = [...new Set([...removable(modelsDir), ...knownModels(places).map((model) => model.name)])]
  const short = known.filter((one) => one.endsWith(`/${name}`))
  if (short.length === 1 && short[0] !== undefined) return byName(short[0], places)
  const what = oneLine(name)
  if (short.length > 1) throw notFound(`${short.length} models are named ${what}: ${short.map(oneLine).join(', ')}`)
  const near = close(name, known, 3).map(oneLine)
  throw notFound(`no model named ${what} on this machine${near.length > 0 ? ` (similar: ${near.join(', ')})` : ''}`)
}

function notFound(message: string): TetherError {
  return new TetherError('model_not_found', message)
}

function isPath(text: string): boolean {
  return /^(~|\.{1,2})?\//.test(text) || ['~', '.', '..'].includes(text)
}

type Places = Required<RemovalPlaces>

/** The name of what lies there. Only the models folder and the hub's cache are tether's to delete from. */
function nameOfPath(path: string, { modelsDir, hubCache }: Places): string {
  const own = within(modelsDir, path)
  if (own !== undefined) return own
  const [repository = '', , commit] = within(hubCache, path)?.split(sep) ?? []
  const name = /^models--([^/]+)--([^/]+)$/.exec(repository)?.slice(1).join('/')
  if (name !== undefined) return commit === undefined ? name : `${name}@${commit}`
  throw notFound(`${oneLine(path)} is neither in the models folder nor in the hub's cache. Delete it yourself.`)
}

/** The path relative to a folder, if it is inside of it. */
function within(folder: string, path: string): string | undefined {
  const inside = relative(folder, path)
  return inside === '' || inside === '..' || inside.startsWith(`..${sep}`) ? undefined : inside
}

/** Of the models folder everything that `tether --list` shows, broken or of another format too. */
function removable(modelsDir: string): string[] {
  return lookIn(modelsDir, isForeign)
}

function byName(name: string, places: Places): Removal[] {
  const { modelsDir, hubCache } = places
  const repo = parseRepo(name)
  const own = repo?.revision === undefined ? inModelsDir(name, modelsDir) : []
  if (own.length > 0 || !repo) return own
  const cached = inHubCache(repo, hubCache)
  return cached ? [cached] : []
}

/** The model, and what is left of a download or of an earlier deletion of it. */
function inModelsDir(name: string, modelsDir: string): Removal[] {
  const path = resolve(modelsDir, name)
  if (within(modelsDir, path) === undefined || !statOf(dirname(path))) return []
  const parts = [partialFolder(path), hiddenName(path)].filter(statOf)
  const isThere = modelsIn(modelsDir).includes(name) || (statOf(path) && removable(modelsDir).includes(name))
  if (!isThere && parts.length === 0) return []
  checkInside(dirname(path), modelsDir)
  const lock = `${partialFolder(path)}.lock`
  const rest = parts.map((part): Removal => {
    return { name, kind: 'partial', steps: [{ path: part }], folder: part, ...countIn(part), notes: [], lock }
  })
  if (!isThere) return rest
  const isLink = statOf(path)?.isSymbolicLink() === true
  const steps = [isLink ? { path } : { path, hideAs: hiddenName(path) }]
  const kind = isLink ? 'link' : 'model'
  const notes = isLink ? [`it is a link: ${oneLine(readlinkSync(path))} stays`] : notesOf(path)
  return [{ name, kind, steps, folder: realPath(path), ...countIn(path), notes, lock }, ...rest]
}

function notesOf(path: string): string[] {
  const isPulled = statOf(join(path, receiptFile)) !== undefined
  return isPulled ? [] : ['tether did not download it']
}

/** Where the way to it leads through a link, another place would be deleted from. */
function checkInside(folder: string, modelsDir: string): void {
  const real = realPath(folder)
  if (real === realPath(modelsDir) || within(realPath(modelsDir), real) !== undefined) return
  throw notFound(`${oneLine(folder)} leads to ${oneLine(real)}, which is not in the models folder. Delete it there.`)
}

/** What a folder is called while it is deleted: hidden, so that it is no model. */
function hiddenName(path: string): string {
  return join(dirname(path), `.${basename(path)}.removed`)
}

/** A snapshot with the blobs that no other one has; with the last snapshot the whole repository. */
function inHubCache(repo: Repo, hubCache: string): Removal | undefined {
  const folder = repositoryFolder(hubCache, repo.name)
  const about = statOf(folder)
  if (!about) return undefined
  const all = snapshotsOf(hubCache, repo.name)
  const named = repo.revision === undefined ? [] : all.filter((path) => basename(path) === repo.revision)
  const snapshot = cachedModel(hubCache, repo) ?? named[0]
  if (snapshot === undefined && repo.revision !== undefined) return undefined
  const others = snapshot === undefined ? [] : all.filter((path) => path !== snapshot)
  const shared = "it lies in the cache of Hugging Face's own tools, which may use it too"
  const found = { kind: 'cached' as const, folder: realPath(snapshot ?? folder) }
  if (about.isSymbolicLink() || others.length === 0) {
    const locks = join(hubCache, '.locks', basename(folder))
    const steps = [folder, locks].filter(statOf).map((path) => ({ path }))
    return { ...found, name: repo.name, steps, ...countIn(folder), notes: [shared] }
  }
  return { ...found, ...oneOfSeveral(repo, folder, snapshot as string, others), notes: [shared, stay(others.length)] }
}

function stay(others: number): string {
  return others === 1 ? '1 other revision of it stays' : `${others} other revisions of it stay`
}

function oneOfSeveral(repo: Repo, folder: string, snapshot: string, others: string[]) {
  const commit = basename(snapshot)
  const used = new Set(others.flatMap(blobsOf))
  const blobs = [...new Set(blobsOf(snapshot))].filter((path) => !used.has(path))
  // Outside of the repository's own blobs only the link goes.
  const own = blobs.filter((path) => within(realPath(join(folder, 'blobs')), path) !== undefined)
  const refs = filesIn(join(folder, 'refs')).filter((path) => readText(path) === commit)
  // Without its config.json it is no model; its links go last, since they tell which blobs are its own.
  const first = join(snapshot, 'config.json')
  const steps = [...[first].filter(statOf), ...own, ...refs, snapshot].map((path) => ({ path }))
  const bytes = own.reduce((sum, path) => sum + sizeOf(statOf(path)), 0)
  return { name: `${repo.name}@${commit}`, steps, files: own.length + filesIn(snapshot).length, bytes }
}

/** What the links of a snapshot lead to. */
function blobsOf(snapshot: string): string[] {
  return filesIn(snapshot).flatMap((path) => {
    if (!statOf(path)?.isSymbolicLink()) return []
    const target = resolve(dirname(path), readlinkSync(path))
    return statOf(target) ? [realPath(target)] : []
  })
}

/** Follows no link. */
function countIn(path: string): { files: number; bytes: number } {
  const about = statOf(path)
  if (!about?.isDirectory()) return { files: 1, bytes: about?.isSymbolicLink() ? 0 : sizeOf(about) }
  const paths = filesIn(path)
  return { files: paths.length, bytes: paths.reduce((sum, file) => sum + sizeOf(statOf(file)), 0) }
}

/** The part of a file that is still missing in a download takes no room. */
function sizeOf(about: Stats | undefined): number {
  if (!about || about.isSymbolicLink()) return 0
  return Math.min(about.size, about.blocks * 512)
}

/** Everything in a folder and below it but folders; links are not followed. Empty if it is not there. */
function filesIn(folder: string): string[] {
  if (!statOf(folder)?.isDirectory()) return []
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? filesIn(path) : [path]
  })
}

function readText(path: string): string {
  return statOf(path)?.isFile() ? readRegularFileSync(path).toString('utf8').trim() : ''
}

/** Of a link itself. undefined for what cannot be there, such as a path through a file. */
function statOf(path: string): Stats | undefined {
  try {
    return lstatSync(path)
  } catch {
    return undefined
  }
}
