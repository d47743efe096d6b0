/** Empties a folder of kept prefixes, also while servers use it: what they miss then, they compute again. */
import { rmdirSync, rmSync } from 'node:fs'
import { type Foreign, type ListedFolder, listPrefixes } from './survey.js'

export interface Cleared {
  /** Bytes of the files that are gone. */
  freed: number
  files: number
  /** What was left alone because it is not ours. */
  foreign: Foreign[]
  /** Files that could not be removed, with the reason. */
  failed: { path: string; reason: string }[]
}

export interface ClearOptions {
  /** Only the folders of these fingerprints. Default: all. */
  only?: string[]
  /** Whether a process still runs: the files that it is writing stay. */
  isAlive: (pid: number) => boolean
  /** The models are gone too, so their empty folders go, with what says whose they are. */
  withFolders?: boolean
}

/** Without `withFolders` a model's folder stays with its about.json: a server that runs goes on writing there. */
export function clearPrefixes(folder: string, { only, isAlive, withFolders = false }: ClearOptions): Cleared {
  const { folders, foreign } = listPrefixes(folder)
  const isWanted = ({ fingerprint }: ListedFolder) => only === undefined || only.includes(fingerprint)
  const cleared: Cleared = { freed: 0, files: 0, foreign, failed: [] }
  const wanted = folders.filter(isWanted)
  for (const { path, bytes, own } of wanted.flatMap(({ files }) => files)) {
    if ((own.kind === 'about' && !withFolders) || (own.kind === 'temporary' && isAlive(own.pid))) continue
    try {
      rmSync(path, { force: true })
      cleared.freed += bytes
      cleared.files++
    } catch (error) {
      cleared.failed.push({ path, reason: (error as Error).message })
    }
  }
  for (const { path } of withFolders ? wanted : []) removeIfEmpty(path)
  return cleared
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder)
  } catch {
    // Something is left in it, which was named.
  }
}
