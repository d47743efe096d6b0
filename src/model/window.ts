/** The window: how many tokens prompt and answer may have together. */
import type { EngineInfo } from '../engine/types.js'
import { TetherError } from '../errors.js'

/** What bounds the window, for people: `window 65536 tokens (max_context; the checkpoint has 131072)`. */
export function windowSentence(info: Pick<EngineInfo, 'window' | 'windowLimit' | 'trainedWindow'>): string {
  const { window, windowLimit, trainedWindow } = info
  if (windowLimit === 'checkpoint') return `window ${window} tokens (all that the checkpoint has)`
  return `window ${window} tokens (${windowLimit}; the checkpoint has ${trainedWindow})`
}

/** Tokens that the window leaves for an answer. Throws `prompt_too_long` if there is no room for one. */
export function roomFor(promptTokens: number, window: number): number {
  if (promptTokens < window) return window - promptTokens
  // Clients read the two numbers out of this message, word for word.
  throw new TetherError('prompt_too_long', `prompt is too long: ${promptTokens} tokens > ${window - 1} maximum`)
}
