/** The spine: one Messages request from its JSON to its events, stage by stage. */
import { type Spoken, toEvents } from '../anthropic/events.js'
import { fold } from '../anthropic/fold.js'
import { parseCountRequest, parseMessagesRequest } from '../anthropic/parse.js'
import { stopAfterCall, stopAtSequence } from '../anthropic/stop-sequences.js'
import { toChat } from '../anthropic/to-chat.js'
import type { Message, MessageEvent, MessagesRequest } from '../anthropic/types.js'
import type { Chat, ChatFamily, OutputReader, Piece, Tokenizer } from '../chat/types.js'
import type { Batch, Engine } from '../engine/types.js'
import { TetherError } from '../errors.js'
import { type DebugHook, type DebugTurn, noteBatches } from './debug.js'
import { noteMisfits } from './misfits.js'
import { type Dropped, makePrompt, type Overflow } from './prompt.js'
import { rememberTurn } from './remember.js'
import { requestSampling, type Sampling } from './sampling.js'
import { thinkWithin, thoughtLimit } from './think.js'
import type { TurnMemory } from './turn-memory.js'
import type { Misfit } from './types.js'
import { roomFor } from './window.js'

/** Whether a model thinks: as the request asks, always if its family can, never. */
export type Thinking = 'auto' | 'on' | 'off'

/** What answers a message: the parts of a loaded model. */
export interface Speaker {
  engine: Pick<Engine, 'info' | 'generate'>
  tokenizer: Pick<Tokenizer, 'encodePrompt' | 'stream' | 'id'>
  family: ChatFamily
  /** What holds for a request that says nothing else. */
  defaults: Sampling
  thinking: Thinking
  /** Ids that end a turn. */
  stopTokens: Int32Array
  /** Turns that this model wrote, to be found again in the next request. */
  memory: TurnMemory
  /** Stands in an answer whose request names no model. */
  name: string
  onDebug?: DebugHook
}

/** How one message is to be answered. */
export interface MessageOptions {
  signal?: AbortSignal
  /** What a prompt that is too long leads to. Default: `error`, which is `prompt_too_long`. */
  onOverflow?: Overflow
  /** Called before the first event if turns were left out. */
  onDropped?: (dropped: Dropped) => void
  /** Called for each tool call whose input does not fit its tool's schema; the call is given out all the same. */
  onMisfit?: (misfit: Misfit) => void
}

/**
 * The answer as events. What is wrong with the request is thrown before the first of them.
 * A signal that fires, and a reader that leaves, end the generation.
 */
export async function* streamMessage(
  speaker: Speaker,
  request: unknown,
  options: MessageOptions = {},
): AsyncGenerator<MessageEvent, void, undefined> {
  const debug = speaker.onDebug?.(request, speaker.tokenizer)
  try {
    yield* answer(speaker, request, options, debug)
  } catch (error) {
    debug?.failed(error)
    throw error
  } finally {
    debug?.ended()
  }
}

async function* answer(
  speaker: Speaker,
  request: unknown,
  { signal, onOverflow = 'error', onDropped, onMisfit = () => {} }: MessageOptions,
  debug: DebugTurn | undefined,
): AsyncGenerator<MessageEvent, void, undefined> {
  const { engine, tokenizer, family, defaults, stopTokens, memory, name } = speaker
  const { window } = engine.info
  const ask = parseMessagesRequest(request)
  const chat = readChat(speaker, ask)
  const begun = callStart(family, ask)
  const { pieces, tokens, dropped } = makePrompt(chat, { family, tokenizer, window, begun, onOverflow })
  debug?.prompted(pieces, tokens, dropped)
  const maxTokens = Math.min(ask.maxTokens ?? Number.POSITIVE_INFINITY, roomFor(tokens.length, window))
  if (dropped) onDropped?.(dropped)
  const tools = [...chat.tools, ...(chat.deferred ?? [])]
  const reader = family.reader({ tools })

  const run = new AbortController()
  const stop = () => run.abort()
  if (signal?.aborted) stop()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    // What the prompt began already is no turn of its own tokens, and what was stopped halfway was told only in part.
    const isWhole = () => !run.signal.aborted && begun.length === 0 && chat.messages.at(-1)?.role !== 'assistant'
    const turn = rememberTurn({ memory, chat, isWhole })
    const sampling = requestSampling(ask, defaults)
    const thought = thoughtLimit(family.thought, tokenizer, { maxTokens, budget: ask.thinkingBudget })
    let batches = thinkWithin(thought, engine, { prompt: tokens, maxTokens, ...sampling, stopTokens }, run.signal)
    if (debug) batches = noteBatches(batches, debug)
    let spoken = noteMisfits(speak(begun, turn.tokens(batches), tokenizer, reader), tools, onMisfit)
    if (ask.toolChoice.disable_parallel_tool_use) spoken = stopAfterCall(spoken, stop)
    if (ask.stopSequences.length > 0) spoken = stopAtSequence(spoken, ask.stopSequences, stop)
    yield* turn.events(toEvents(spoken, { model: ask.model ?? name, promptTokens: tokens.length }))
  } finally {
    signal?.removeEventListener('abort', stop)
    stop()
  }
}

/** The same, answered whole. */
export function answerMessage(speaker: Speaker, request: unknown, options?: MessageOptions): Promise<Message> {
  return fold(streamMessage(speaker, request, options))
}

/** How long the prompt of this request is: the number that its answer's usage says, if nothing has to be left out. */
export function countMessageTokens(speaker: Speaker, request: unknown): number {
  const { tokenizer, family } = speaker
  const ask = parseCountRequest(request)
  return tokenizer.encodePrompt([...family.render(readChat(speaker, ask)), ...callStart(family, ask)]).length
}

function readChat({ thinking, memory }: Speaker, ask: MessagesRequest): Chat {
  const chat = memory.recall(toChat(ask))
  return thinking === 'auto' ? chat : { ...chat, thinking: thinking === 'on' }
}

/** tool_choice any and tool: the answer is begun as a call, which the model can only go on with. */
function callStart(family: ChatFamily, { toolChoice, tools }: MessagesRequest): Piece[] {
  if (toolChoice.type !== 'any' && toolChoice.type !== 'tool') return []
  const wanted = toolChoice.type === 'tool' ? toolChoice.name : undefined
  if (tools.length > 0 && (wanted === undefined || tools.some((tool) => tool.name === wanted))) {
    return family.callStart(wanted)
  }
  const why = wanted === undefined ? 'there are no tools' : `there is no tool ${wanted} among tools`
  throw new TetherError('invalid_request', `tool_choice: ${why}`)
}

/** Tokens to text to parts; `begun` is what of the answer stood in the prompt already. */
async function* speak(
  begun: Piece[],
  batches: AsyncIterable<Batch>,
  tokenizer: Pick<Tokenizer, 'stream'>,
  reader: OutputReader,
): AsyncGenerator<Spoken, void, undefined> {
  const text = tokenizer.stream()
  for (const piece of begun) yield* reader.push(piece)
  for await (const { tokens, finish } of batches) {
    for (const piece of text.push(tokens)) yield* reader.push(piece)
    if (!finish) continue
    for (const piece of text.end()) yield* reader.push(piece)
    yield* reader.end(finish.reason === 'stop' ? 'stop' : 'length')
    yield { type: 'finish', finish }
  }
}
