/** What is kept on disk beside the engine's own files: which model it is, and the turns that it generated. */
import { join } from 'node:path'
import { writeAbout } from '../prefixes/about.js'
import { openEntryLog } from '../prefixes/entry-log.js'
import { turnFile } from '../prefixes/folder.js'
import { readStoredTurn } from '../turn/stored-turn.js'
import type { TurnLog } from '../turn/turn-memory.js'

export interface Kept {
  turns: TurnLog
  /** What went wrong first, as a sentence. */
  notices(): string[]
}

export interface KeptModel {
  /** The folder of this model's prefixes. */
  folder: string
  name: string
  /** The folder of the checkpoint. */
  path: string
  /** Bytes that prefixes may take together. Unset: many. */
  diskCache?: number
}

/** Turns take no more than this, and no more than a small share of the cap. */
const mostTurnBytes = 16 * 2 ** 20
const turnShare = 1 / 64

/** Never throws. */
export function openKept({ folder, name, path, diskCache = Number.POSITIVE_INFINITY }: KeptModel): Kept {
  let notice: string | undefined
  writeAbout(folder, { model: name, path })
  const file = join(folder, turnFile)
  const turns = openEntryLog(file, {
    mostBytes: Math.min(mostTurnBytes, Math.floor(diskCache * turnShare)),
    idOf: (body) => readStoredTurn(body)?.keys[0] ?? '',
    onFault: ({ message }) => {
      notice ??= `answers are kept in memory alone, since ${file} cannot be used: ${message}`
    },
  })
  return { turns, notices: () => (notice === undefined ? [] : [notice]) }
}
