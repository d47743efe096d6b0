/** The spine: one Messages request from its JSON to its events, stage by stage. */
import { type Spoken, toEvents } from '../anthropic/events.js'
import { fold } from '../anthropic/fold.js'
import { parseCountRequest, parseMessagesRequest } from '../anthropic/parse.js'
import { stopAfterCall, stopAtSequence } from '../anthropic/stop-sequences.js'
import { toChat } from '../anthropic/to-chat.js'
import type { Message, MessageEvent, MessagesRequest } from '../anthropic/types.js'
import type { ChatFamily, OutputReader, Piece, Tokenizer } from '../chat/types.js'
import type { Batch, Engine, GenerateRequest } from '../engine/types.js'
import { TetherError } from '../errors.js'
import { rememberTurn } from './remember.js'
import type { TurnMemory } from './turn-memory.js'

export type Sampling = Pick<GenerateRequest, 'temperature' | 'topP' | 'topK' | 'minP' | 'repetitionPenalty'>

/** What answers a message: the parts of a loaded model. */
export interface Speaker {
  engine: Pick<Engine, 'info' | 'generate'>
  tokenizer: Pick<Tokenizer, 'encodePrompt' | 'stream'>
  family: ChatFamily
  /** What holds for a request that says nothing else. */
  defaults: Sampling
  /** Ids that end a turn. */
  stopTokens: Int32Array
  /** Turns that this model wrote, to be found again in the next request. */
  memory: TurnMemory
  /** Stands in an answer whose request names no model. */
  name: string
}

/**
 * The answer as events. What is wrong with the request is thrown before the first of them.
 * A signal that fires, and a reader that leaves, end the generation.
 */
export async function* streamMessage(
  { engine, tokenizer, family, defaults, stopTokens, memory, name }: Speaker,
  request: unknown,
  { signal }: { signal?: AbortSignal } = {},
): AsyncGenerator<MessageEvent, void, undefined> {
  const ask = parseMessagesRequest(request)
  const chat = memory.recall(toChat(ask))
  const begun = callStart(family, ask)
  const prompt = tokenizer.encodePrompt([...family.render(chat), ...begun])
  const maxTokens = Math.min(ask.maxTokens ?? Number.POSITIVE_INFINITY, room(prompt, engine.info.window))
  const reader = family.reader({ tools: [...chat.tools, ...(chat.deferred ?? [])] })

  const run = new AbortController()
  const stop = () => run.abort()
  if (signal?.aborted) stop()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    // What the prompt began already is no turn of its own tokens, and what was stopped halfway was told only in part.
    const isWhole = () => !run.signal.aborted && begun.length === 0 && chat.messages.at(-1)?.role !== 'assistant'
    const turn = rememberTurn({ memory, thinking: chat.thinking, isWhole })
    const batches = engine.generate({ prompt, maxTokens, ...sampling(ask, defaults), stopTokens }, run.signal)
    let spoken = speak(begun, turn.tokens(batches), tokenizer, reader)
    if (ask.toolChoice.disable_parallel_tool_use) spoken = stopAfterCall(spoken, stop)
    if (ask.stopSequences.length > 0) spoken = stopAtSequence(spoken, ask.stopSequences, stop)
    yield* turn.events(toEvents(spoken, { model: ask.model ?? name, promptTokens: prompt.length }))
  } finally {
    signal?.removeEventListener('abort', stop)
    stop()
  }
}

/** The same, answered whole. */
export function answerMessage(
  speaker: Speaker,
  request: unknown,
  options?: { signal?: AbortSignal },
): Promise<Message> {
  return fold(streamMessage(speaker, request, options))
}

/** How long the prompt of this request is: the same number that its answer's usage says. */
export function countMessageTokens({ tokenizer, family, memory }: Speaker, request: unknown): number {
  const ask = parseCountRequest(request)
  return tokenizer.encodePrompt([...family.render(memory.recall(toChat(ask))), ...callStart(family, ask)]).length
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

/** Tokens that the window leaves. Clients read the two numbers out of this message, word for word. */
function room(prompt: Int32Array, window: number): number {
  if (prompt.length < window) return window - prompt.length
  const most = window - 1
  throw new TetherError('prompt_too_long', `prompt is too long: ${prompt.length} tokens > ${most} maximum`)
}

function sampling(ask: MessagesRequest, defaults: Sampling): Sampling {
  return {
    ...defaults,
    temperature: ask.temperature ?? defaults.temperature,
    // The engine's range is (0, 1]: as little as that leaves the most likely token alone, which is what 0 asks for.
    topP: Math.max(ask.topP ?? defaults.topP, 1e-6),
    topK: ask.topK ?? defaults.topK,
  }
}
