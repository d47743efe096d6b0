/** What is kept on disk beside the engine's own files: which model it is, its answers, and what sessions began with. */
import { join } from 'node:path'
import type { Engine } from '../engine/types.js'
import { writeAbout } from '../prefixes/about.js'
import { openEntryLog } from '../prefixes/entry-log.js'
import { readFirstPrompt, writeFirstPrompt } from '../prefixes/first-prompts.js'
import { turnFile } from '../prefixes/folder.js'
import { readStoredTurn } from '../turn/stored-turn.js'
import type { TurnLog, TurnMemory } from '../turn/turn-memory.js'
import type { TurnRecord } from '../turn/types.js'

export interface Kept {
  turns: TurnLog
  /** Reads in the background what will probably be needed. Nothing waits for it. */
  readAhead(engine: Pick<Engine, 'prefetch'>, memory: Pick<TurnMemory, 'refresh'>): void
  /** The first prompt with tools is that of a session: others ask for titles and the like. */
  prompted(prompt: Int32Array, record: Pick<TurnRecord, 'tools'>): void
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
  /** The folder that is worked in. Unset: no first prompt is kept. */
  sessionFolder?: string
}

/** Turns take no more than this, and no more than a small share of the cap. */
const mostTurnBytes = 16 * 2 ** 20
const turnShare = 1 / 64

/** Many turns take some 100 ms to read, which may not keep anybody from hearing that the model is ready. */
const readTurnsAfterMs = 200

/** Never throws. */
export function openKept({ folder, name, path, sessionFolder, diskCache = Infinity }: KeptModel): Kept {
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
  let isFirst = sessionFolder !== undefined
  return {
    turns,
    readAhead(engine, memory) {
      const prompt = sessionFolder === undefined ? undefined : readFirstPrompt(folder, sessionFolder)
      // What goes wrong shows when the prompt comes.
      if (prompt) engine.prefetch(prompt).catch(() => {})
      setTimeout(memory.refresh, readTurnsAfterMs).unref()
    },
    prompted(prompt, { tools }) {
      if (!isFirst || sessionFolder === undefined || tools.length === 0) return
      isFirst = false
      void writeFirstPrompt(folder, sessionFolder, prompt)
    },
    notices: () => (notice === undefined ? [] : [notice]),
  }
}
