/** The parts of an answer as the events of Anthropic's stream, in the order and with the fields that its clients require. */
import { createHash } from 'node:crypto'
import { TetherError } from '../errors.js'
import { jsonSlices } from '../turn/json-slices.js'
import type { TurnFinish, TurnPart } from '../turn/types.js'
import type { AnswerBlock, MessageEvent, StopReason } from './types.js'

/** The block that deltas go to. */
interface OpenBlock {
  type: 'text' | 'thinking'
  index: number
}

/** `id`: of the message, such as `msg_…`. */
export async function* toEvents(
  parts: AsyncIterable<TurnPart>,
  { id }: { id: string },
): AsyncGenerator<MessageEvent, void, undefined> {
  let index = 0
  let open: OpenBlock | undefined
  let promptTokens = 0
  let finish: TurnFinish | undefined
  for await (const part of parts) {
    if (part.type === 'start') {
      promptTokens = part.promptTokens
      yield messageStart(id, part.model, promptTokens)
    } else if (part.type === 'finish') {
      finish = part
      break
    } else if (part.type === 'tool_call') {
      if (open) yield* endBlock(open, id)
      open = undefined
      yield* toolUse(index++, part)
    } else {
      if (open && open.type !== part.type) yield* endBlock(open, id)
      if (open?.type !== part.type) {
        open = { type: part.type, index: index++ }
        yield startBlock(open)
      }
      yield delta(open, part.text)
    }
  }
  if (!finish) throw new TetherError('internal', 'a turn ended without a finish')
  // An answer without any block upsets clients that read content[0].
  if (index === 0) {
    open = { type: 'text', index }
    yield startBlock(open)
  }
  if (open) yield* endBlock(open, id)
  yield messageDelta(finish, promptTokens)
  yield { type: 'message_stop' }
}

/** Clients run the calls of an answer exactly if it says `tool_use`, and retry one that says so without a call. */
export function stopReason({ reason }: TurnFinish): StopReason {
  const reasons = {
    end: 'end_turn',
    length: 'max_tokens',
    stop_sequence: 'stop_sequence',
    tool_call: 'tool_use',
  } as const
  return reasons[reason]
}

function messageStart(id: string, model: string, promptTokens: number): MessageEvent {
  return {
    type: 'message_start',
    message: {
      id,
      type: 'message',
      role: 'assistant',
      model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { ...inputUsage(promptTokens, { cachedTokens: 0, createdTokens: 0 }), output_tokens: 1 },
    },
  }
}

function messageDelta(finish: TurnFinish, promptTokens: number): MessageEvent {
  return {
    type: 'message_delta',
    delta: { stop_reason: stopReason(finish), stop_sequence: finish.stopSequence ?? null },
    usage: { ...inputUsage(promptTokens, finish), output_tokens: finish.outputTokens },
  }
}

/** The three input counts are disjoint: their sum is the prompt. Clients take an input of 0 for a missing count. */
function inputUsage(promptTokens: number, finish: Pick<TurnFinish, 'cachedTokens' | 'createdTokens'>) {
  const read = Math.min(finish.cachedTokens, promptTokens - 1)
  const created = Math.min(finish.createdTokens, promptTokens - read - 1)
  return {
    input_tokens: promptTokens - read - created,
    cache_creation_input_tokens: created,
    cache_read_input_tokens: read,
  }
}

function startBlock({ type, index }: OpenBlock): MessageEvent {
  const content_block: AnswerBlock = type === 'text' ? { type, text: '' } : { type, thinking: '', signature: '' }
  return { type: 'content_block_start', index, content_block }
}

function delta({ type, index }: OpenBlock, text: string): MessageEvent {
  return type === 'text'
    ? { type: 'content_block_delta', index, delta: { type: 'text_delta', text } }
    : { type: 'content_block_delta', index, delta: { type: 'thinking_delta', thinking: text } }
}

function* endBlock({ type, index }: OpenBlock, messageId: string): Generator<MessageEvent> {
  if (type === 'thinking') {
    // Clients want one and send it back; nobody checks it.
    const signature = createHash('sha256').update(`${messageId} ${index}`).digest('base64')
    yield { type: 'content_block_delta', index, delta: { type: 'signature_delta', signature } }
  }
  yield { type: 'content_block_stop', index }
}

function* toolUse(index: number, call: Extract<TurnPart, { type: 'tool_call' }>): Generator<MessageEvent> {
  const { id, name, input, json } = call
  yield { type: 'content_block_start', index, content_block: { type: 'tool_use', id, name, input: {} } }
  for (const partial_json of jsonSlices(json ?? JSON.stringify(input))) {
    yield { type: 'content_block_delta', index, delta: { type: 'input_json_delta', partial_json } }
  }
  yield { type: 'content_block_stop', index }
}
