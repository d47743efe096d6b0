/** Parts of an answer as the events of Anthropic's stream, in the order and with the fields that its clients insist on. */
import { randomBytes } from 'node:crypto'
import type { JsonObject, Part } from '../chat/types.js'
import type { Finish } from '../engine/types.js'
import { TetherError } from '../errors.js'
import type { AnswerBlock, MessageEvent, StopReason } from './types.js'

/** The last item of every stage between engine and events. */
export interface Ending {
  type: 'finish'
  finish: Finish
  /** The stop sequence that ended the text, if one did. */
  stopSequence?: string
}

/** What a model says: its parts, then how it ended. */
export type Spoken = Part | Ending

/** Characters of one input_json_delta. */
const JSON_PIECE = 1024

/**
 * message_start comes before the first part is asked for, so that a client hears at once.
 * Blank text is held back until something visible follows it: it never makes a block of its own.
 * Throws `cancelled` when the generation was.
 */
export async function* toEvents(
  spoken: AsyncIterable<Spoken>,
  { model, promptTokens }: { model: string; promptTokens: number },
): AsyncGenerator<MessageEvent, void, undefined> {
  yield {
    type: 'message_start',
    message: {
      id: newId('msg_'),
      type: 'message',
      role: 'assistant',
      model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { ...usage(promptTokens, 0), output_tokens: 1 },
    },
  }

  let index = 0
  let open: 'text' | 'thinking' | undefined
  let blank = { type: 'text', text: '' }
  let called = false
  let ending: Ending | undefined

  for await (const part of spoken) {
    if (part.type === 'finish') {
      ending = part
      break
    }
    if (part.type === 'tool_call') {
      if (open) yield* endBlock(index++, open)
      open = undefined
      blank = { type: 'text', text: '' }
      called = true
      yield* toolUse(index++, part.name, part.input)
      continue
    }
    let text = part.text
    if (part.type !== open) {
      text = blank.type === part.type ? blank.text + text : text
      blank = { type: part.type, text }
      if (text.trim() === '') continue
      if (open) yield* endBlock(index++, open)
      open = part.type
      yield { type: 'content_block_start', index, content_block: emptyBlock(open) }
    }
    blank = { type: 'text', text: '' }
    if (text === '') continue
    yield open === 'text'
      ? { type: 'content_block_delta', index, delta: { type: 'text_delta', text } }
      : { type: 'content_block_delta', index, delta: { type: 'thinking_delta', thinking: text } }
  }

  if (!ending) throw new TetherError('internal', 'a generation ended without a finish')
  if (ending.finish.reason === 'cancelled') throw new TetherError('cancelled', 'the generation was cancelled')
  // An answer without any block upsets clients that read content[0].
  if (index === 0 && !open) {
    open = 'text'
    yield { type: 'content_block_start', index, content_block: emptyBlock(open) }
  }
  if (open) yield* endBlock(index, open)
  const { finish, stopSequence } = ending
  const stop_reason = stopReason(ending, called)
  yield {
    type: 'message_delta',
    delta: { stop_reason, stop_sequence: stop_reason === 'stop_sequence' ? (stopSequence ?? null) : null },
    usage: { ...usage(promptTokens, finish.cachedTokens), output_tokens: finish.outputTokens },
  }
  yield { type: 'message_stop' }
}

/** Clients run the calls of an answer exactly if it says `tool_use`, and retry one that says so without a call. */
function stopReason({ finish, stopSequence }: Ending, called: boolean): StopReason {
  if (called) return 'tool_use'
  if (stopSequence !== undefined) return 'stop_sequence'
  return finish.reason === 'stop' ? 'end_turn' : 'max_tokens'
}

/** The three input counts are disjoint: their sum is the prompt. */
function usage(promptTokens: number, cachedTokens: number) {
  return {
    input_tokens: promptTokens - cachedTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
  }
}

function emptyBlock(type: 'text' | 'thinking'): AnswerBlock {
  return type === 'text' ? { type, text: '' } : { type, thinking: '', signature: '' }
}

function* endBlock(index: number, type: 'text' | 'thinking'): Generator<MessageEvent> {
  if (type === 'thinking') {
    const signature = randomBytes(24).toString('base64')
    yield { type: 'content_block_delta', index, delta: { type: 'signature_delta', signature } }
  }
  yield { type: 'content_block_stop', index }
}

function* toolUse(index: number, name: string, input: JsonObject): Generator<MessageEvent> {
  const block: AnswerBlock = { type: 'tool_use', id: newId('toolu_'), name, input: {} }
  yield { type: 'content_block_start', index, content_block: block }
  for (const partial_json of slices(JSON.stringify(input))) {
    yield { type: 'content_block_delta', index, delta: { type: 'input_json_delta', partial_json } }
  }
  yield { type: 'content_block_stop', index }
}

/** Never cuts between the halves of a surrogate pair: some clients could not join them again. */
function* slices(json: string): Generator<string> {
  for (let start = 0; start < json.length; ) {
    let end = Math.min(start + JSON_PIECE, json.length)
    const last = json.charCodeAt(end - 1)
    if (end < json.length && last >= 0xd800 && last < 0xdc00) end++
    yield json.slice(start, end)
    start = end
  }
}

function newId(prefix: string): string {
  return prefix + randomBytes(12).toString('hex')
}
