/** The window: how many tokens prompt and answer may have together. */
import type { EngineInfo, WindowLimit } from '../engine/types.js'

/** What raises a window, by what bounds it. */
export type WindowRemedies = Partial<Record<WindowLimit, string>>

/**
 * The window and what bounds it, for people: `64k-token window; the model supports 128k (raise it with maxContext)`.
 * `remedies`: what the caller's user would write.
 */
export function windowSentence(
  info: Pick<EngineInfo, 'window' | 'windowLimit' | 'trainedWindow'>,
  remedies: WindowRemedies = { max_context: 'raise it with maxContext', memory: 'raise it with memoryCap' },
): string {
  const { window, windowLimit, trainedWindow } = info
  const size = `${tokensInWords(window)}-token window`
  if (windowLimit === 'checkpoint') return `${size}, all that the model supports`
  const remedy = remedies[windowLimit]
  return `${size}; the model supports ${tokensInWords(trainedWindow)}${remedy ? ` (${remedy})` : ''}`
}

/** `64k` for 65536, `32k` for 32000, `500` for 500. */
export function tokensInWords(tokens: number): string {
  if (tokens < 1000) return String(tokens)
  return tokens % 1024 === 0 ? `${tokens / 1024}k` : `${Math.round(tokens / 1000)}k`
}
