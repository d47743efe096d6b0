/** What makes prompts of a loaded model, opened a second time: for another thread. */
import { join } from 'node:path'
import type { Tokenizer } from '../chat/types.js'
import { readCheckpoint } from '../engine/checkpoint.js'
import { openEntryLog } from '../prefixes/entry-log.js'
import { readFirstPrompt } from '../prefixes/first-prompts.js'
import { turnFile } from '../prefixes/folder.js'
import { createTurnMemory, type TurnMemory } from '../turn/turn-memory.js'
import type { Prompter, PrompterSource } from '../turn/types.js'
import { readModel } from './read-model.js'

/** Reads no weights. The memory is one of its own: it begins with the turns in the folder, and writes none there. */
export async function openPrompter(source: PrompterSource): Promise<Prompter & { memory: TurnMemory }> {
  const { path, promptOrder, thinking, loopGuard, constrain, window, folder, sessionFolder } = source
  const { tokenizer, family } = await readModel(await readCheckpoint(path))
  const render = (chat: Parameters<typeof family.render>[0]) => family.render(chat, promptOrder)
  const log = folder === undefined ? undefined : readOnlyLog(join(folder, turnFile))
  const memory = createTurnMemory({ log })
  if (folder !== undefined && sessionFolder !== undefined) rehearse(tokenizer, readFirstPrompt(folder, sessionFolder))
  return { family: { ...family, render }, tokenizer, memory, thinking, loopGuard, constrain, window }
}

/**
 * Encodes what the last session began with, as the next one probably does: its texts are then known, and the code that
 * encodes is compiled. That halves the first answer's delay of a small model.
 */
export function rehearse(tokenizer: Pick<Tokenizer, 'stream' | 'encodePrompt'>, prompt: Int32Array | undefined): void {
  if (!prompt) return
  const text = tokenizer.stream()
  try {
    tokenizer.encodePrompt([...text.push(prompt), ...text.end()])
  } catch {
    // The file is optional, and may be of another vocabulary.
  }
}

function readOnlyLog(file: string) {
  const { news } = openEntryLog(file, { mostBytes: 0, idOf: () => '', onFault: () => {} })
  return { news, append: () => {}, touch: () => {} }
}
