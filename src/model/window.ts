/** The window: how many tokens prompt and answer may have together. */
import type { EngineInfo } from '../engine/types.js'

/** What bounds the window, for people: `window 65536 tokens (max_context; the checkpoint has 131072)`. */
export function windowSentence(info: Pick<EngineInfo, 'window' | 'windowLimit' | 'trainedWindow'>): string {
  const { window, windowLimit, trainedWindow } = info
  if (windowLimit === 'checkpoint') return `window ${window} tokens (all that the checkpoint has)`
  return `window ${window} tokens (${windowLimit}; the checkpoint has ${trainedWindow})`
}
