/** The last stages of a turn: blanks that nobody sees are dropped, calls get their ids, the end becomes a finish. */
import { randomBytes } from 'node:crypto'
import { TetherError } from '../errors.js'
import type { GeneratedPart, GenerationEnd } from './read-answer.js'
import type { TurnFinish, TurnPart } from './types.js'

/** Blank text is held back until something visible of its kind follows: an answer has no part that is blank alone. */
export async function* dropBlanks(parts: AsyncIterable<GeneratedPart>): AsyncGenerator<GeneratedPart, void, undefined> {
  let open: 'text' | 'thinking' | undefined
  let blank = { type: 'text', text: '' }
  for await (const part of parts) {
    if (part.type === 'end' || part.type === 'tool_call') {
      open = undefined
      blank = { type: 'text', text: '' }
      yield part
      continue
    }
    let { text } = part
    if (part.type !== open) {
      if (blank.type === part.type) text = blank.text + text
      blank = { type: part.type, text }
      if (text.trim() === '') continue
      open = part.type
    }
    blank = { type: 'text', text: '' }
    if (text !== '') yield { type: part.type, text }
  }
}

/** Throws `cancelled` when the generation was. */
export async function* toTurnParts(
  parts: AsyncIterable<GeneratedPart>,
  callIdPrefix: string,
): AsyncGenerator<TurnPart, void, undefined> {
  let called = false
  for await (const part of parts) {
    if (part.type === 'end') return yield finishOf(part, called)
    called ||= part.type === 'tool_call'
    yield part.type === 'tool_call' ? { ...part, id: callIdPrefix + randomBytes(12).toString('hex') } : part
  }
  throw new TetherError('internal', 'a generation ended without a finish')
}

function finishOf({ finish, stopSequence }: GenerationEnd, called: boolean): TurnFinish {
  if (finish.reason === 'cancelled') throw new TetherError('cancelled', 'the generation was cancelled')
  const { cachedTokens, outputTokens } = finish
  const usage = { cachedTokens, outputTokens }
  if (called) return { type: 'finish', reason: 'tool_call', ...usage }
  if (stopSequence !== undefined) return { type: 'finish', reason: 'stop_sequence', stopSequence, ...usage }
  return { type: 'finish', reason: finish.reason === 'stop' ? 'end' : 'length', ...usage }
}
