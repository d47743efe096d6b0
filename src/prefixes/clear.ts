/** Empties a folder of kept prefixes, also while servers use it: what they miss then, they compute again. */
import { rmSync } from 'node:fs'
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
}

/** A model's folder stays with its about.json: a server that runs goes on writing there. */
export function clearPrefixes(folder: string, { only, isAlive }: ClearOptions): Cleared {
  const { folders, foreign } = listPrefixes(folder)
  const isWanted = ({ fingerprint }: ListedFolder) => only === undefined || only.includes(fingerprint)
  const cleared: Cleared = { freed: 0, files: 0, foreign, failed: [] }
  for (const { path, bytes, own } of folders.filter(isWanted).flatMap(({ files }) => files)) {
    if (own.kind === 'about' || (own.kind === 'temporary' && isAlive(own.pid))) continue
    try {
      rmSync(path, { force: true })
      cleared.freed += bytes
      cleared.files++
    } catch (error) {
      cleared.failed.push({ path, reason: (error as Error).message })
    }
  }
  return cleared
}
