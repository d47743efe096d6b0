/** Whether a window has room for an agent, and what raises one that has not. */
import type { ModelInfo, WindowLimit } from '../../index.js'
import { type Agent, answerTokens } from './agent.js'

/** Tokens of files and outputs that an agent can work with, beside its first prompt and an answer. */
export const ROOM_TO_WORK = 5200

/** undefined: there is room, or nobody has counted what the agent needs. */
export function windowWarning(
  { title, firstPrompt }: Pick<Agent, 'title' | 'firstPrompt'>,
  { window, windowLimit }: Pick<ModelInfo, 'window' | 'windowLimit'>,
): string | undefined {
  const answer = answerTokens(window)
  if (firstPrompt === undefined || window - answer >= firstPrompt + ROOM_TO_WORK) return undefined
  const needs = `its first prompt has up to ${firstPrompt} tokens, and an answer ${answer}`
  return `a window of ${window} tokens is small for ${title}: ${needs}. ${windowRemedy(windowLimit)}`
}

/** A sentence without its full stop. `limit`: what bounds the window. */
export function windowRemedy(limit: WindowLimit | undefined): string {
  if (limit === 'max_context') return 'Raise --max-context (65536 if memory allows)'
  if (limit === 'memory') return 'Raise --memory-cap, or use a smaller checkpoint'
  if (limit === 'checkpoint') return 'Use a checkpoint with a larger window'
  return 'Raise --max-context or --memory-cap, or use a checkpoint with a larger window'
}
