/** Finds models in the cache of the hub's own tools. No network. */
import { statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { weightFiles } from '../engine/weight-files.js'
import { readRegularFileSync } from '../read-file.js'
import { foldersIn, isFile, isModel } from './models-dir.js'
import { parseRepo, type Repo } from './repo.js'

export interface CachedModel {
  /** Such as `org/name`. */
  name: string
  /** The snapshot's folder. */
  path: string
}

/** All cached models, sorted, each in the revision that its name alone means. */
export function cachedModels(cacheDir: string): CachedModel[] {
  const found: CachedModel[] = []
  for (const folder of foldersIn(cacheDir)) {
    const name = nameOf(folder)
    const repo = name === undefined ? undefined : parseRepo(name)
    const path = repo && cachedModel(cacheDir, repo)
    if (repo && path) found.push({ name: repo.name, path })
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** The folder of a model's snapshot: of the revision, or without one of main, else the newest complete one. */
export function cachedModel(cacheDir: string, { name, revision }: Repo): string | undefined {
  const folder = repositoryFolder(cacheDir, name)
  const snapshots = join(folder, 'snapshots')
  const asked = [readRef(join(folder, 'refs', revision ?? 'main')), revision]
  for (const snapshot of asked) {
    if (snapshot && snapshot === basename(snapshot) && isWhole(join(snapshots, snapshot))) {
      return join(snapshots, snapshot)
    }
  }
  if (revision !== undefined) return undefined
  const whole = foldersIn(snapshots)
    .map((snapshot) => join(snapshots, snapshot))
    .filter(isWhole)
    .map((path) => ({ path, time: statSync(path).mtimeMs }))
  return whole.sort((a, b) => b.time - a.time)[0]?.path
}

/** Where the cache keeps a repository, with all its revisions. */
export function repositoryFolder(cacheDir: string, name: string): string {
  return join(cacheDir, `models--${name.replaceAll('/', '--')}`)
}

/** All snapshots of a repository, complete or not. */
export function snapshotsOf(cacheDir: string, name: string): string[] {
  const snapshots = join(repositoryFolder(cacheDir, name), 'snapshots')
  return foldersIn(snapshots).map((snapshot) => join(snapshots, snapshot))
}

/**
 * Whether a folder has a config.json and its weights: the files of a snapshot are links that are created when their
 * download is complete.
 */
export function isWhole(snapshot: string): boolean {
  if (!isModel(snapshot)) return false
  try {
    return weightFiles(snapshot).files.length > 0
  } catch {
    return false
  }
}

function readRef(path: string): string | undefined {
  if (!isFile(path)) return undefined
  return readRegularFileSync(path).toString('utf8').trim()
}

function nameOf(folder: string): string | undefined {
  const [kind, ...parts] = folder.split('--')
  return kind === 'models' && parts.length === 2 ? parts.join('/') : undefined
}
