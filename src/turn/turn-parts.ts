/** The last stage of a turn: parts that are blank are dropped, calls get their ids, the end becomes a finish. */
import { randomBytes } from 'node:crypto'
import type { Part } from '../chat/types.js'
import type { Finish } from '../engine/types.js'
import { TetherError } from '../errors.js'
import type { GeneratedPart, GenerationEnd } from './read-answer.js'
import type { TurnFinish, TurnPart } from './types.js'

/** Fewer tokens take less time than what happens beside them. */
const MEASURABLE = 8

type TextPart = Exclude<Part, { type: 'tool_call' }>

/** Throws `cancelled` when the generation was. */
export async function* toTurnParts(
  parts: AsyncIterable<GeneratedPart>,
  callIdPrefix: string,
  { keepBlanks = false }: { keepBlanks?: boolean } = {},
): AsyncGenerator<TurnPart, void, undefined> {
  const blanks = blankFilter()
  let called = false
  for await (const part of parts) {
    if (part.type === 'end') return yield finishOf(part, called)
    if (part.type === 'tool_call') {
      blanks.interrupt()
      called = true
      yield { ...part, id: callIdPrefix + randomBytes(12).toString('hex') }
    } else {
      const visible = keepBlanks ? part : blanks.pass(part)
      if (visible) yield visible
    }
  }
  throw new TetherError('internal', 'a generation ended without a finish')
}

function finishOf({ finish, stopSequence, thinkingTokens }: GenerationEnd, called: boolean): TurnFinish {
  if (finish.reason === 'cancelled') throw new TetherError('cancelled', 'the generation was cancelled')
  const { cachedTokens, createdTokens, outputTokens, queueSeconds, constrained } = finish
  const counts = { cachedTokens, createdTokens, outputTokens, thinkingTokens, queueSeconds }
  const usage = { ...counts, tokensPerSecond: decodeRate(finish), constrained }
  if (called) return { type: 'finish', reason: 'tool_call', ...usage }
  if (stopSequence !== undefined) return { type: 'finish', reason: 'stop_sequence', stopSequence, ...usage }
  if (finish.reason === 'loop') return { type: 'finish', reason: 'end', isLoop: true, ...usage }
  return { type: 'finish', reason: finish.reason === 'stop' ? 'end' : 'length', ...usage }
}

/** By the engine's own clock: the time between two parts may be that of a slow reader. */
function decodeRate({ outputTokens, stopToken, decodeSeconds }: Finish): number | null {
  // The first token comes out of the prefill; a stop token is decoded, too.
  const decoded = outputTokens - 1 + (stopToken === undefined ? 0 : 1)
  return decoded >= MEASURABLE && decodeSeconds > 0 ? decoded / decodeSeconds : null
}

/** Holds back blank text until something visible of its kind follows: an answer has no part that is blank alone. */
function blankFilter() {
  // The kind of part that the last visible text belongs to, and the blank text since then.
  let open: TextPart['type'] | undefined
  let blank: TextPart = { type: 'text', text: '' }
  return {
    /** -> what can be seen now */
    pass(part: TextPart): TextPart | undefined {
      let { text } = part
      if (part.type !== open) {
        if (blank.type === part.type) text = blank.text + text
        blank = { type: part.type, text }
        if (text.trim() === '') return undefined
        open = part.type
      }
      blank = { type: 'text', text: '' }
      return text === '' ? undefined : { type: part.type, text }
    },
    /** Something else than text follows. */
    interrupt() {
      open = undefined
      blank = { type: 'text', text: '' }
    },
  }
}
