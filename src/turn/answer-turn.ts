/** The pipeline of a turn: from its request to the parts of its answer, stage by stage. */
import { TetherError } from '../errors.js'
import { callsAsWords } from './calls-as-words.js'
import { type DebugTurn, noteBatches } from './debug.js'
import { following } from './following.js'
import { begunMeanwhile, holdAnswer, noteFailure } from './hold-answer.js'
import { noteInvalidToolInput } from './invalid-tool-input.js'
import type { PrepareOptions } from './prepare-turn.js'
import { rawOutput } from './raw-output.js'
import { readAnswer } from './read-answer.js'
import { rememberTurn } from './remember.js'
import { engineSampling } from './sampling.js'
import { stopAfterCall, stopAtSequence } from './stop-early.js'
import { thinkWithin, thoughtLimit } from './think.js'
import { toTurnParts } from './turn-parts.js'
import type { InvalidToolInput, PreparedTurn, Prompter, TurnModel, TurnPart } from './types.js'

export interface TurnOptions {
  /** Ends the generation when it fires; the turn then throws `cancelled`. */
  signal?: AbortSignal
  /** Names this turn in the stats of the engine. */
  label?: number
  /** The request as it came in, for a debug hook. May throw what is wrong with it. */
  received?: () => unknown
  /** Called for each tool call whose input does not fit its tool's schema; the call is a part of the answer all the same. */
  onInvalidToolInput?: (call: InvalidToolInput) => void
  /** Whose the request is, for equal shares of the engine; unset: nobody's in particular. */
  clientOf?: (prompt: Int32Array) => string
  /** Called for each part of the tools' schemas that the answer is not held to: a sentence that names it. */
  onUnheld?: (reason: string) => void
}

/** A protocol's way from its request to a prepared turn. */
export type Prepare = (
  prompter: Prompter,
  options: Pick<PrepareOptions, 'keepPieces'>,
) => PreparedTurn | Promise<PreparedTurn>

/**
 * The first part is the start, given out before the engine is asked, or once it is known that the answer can be held as the
 * client relies on; the last is the finish. What is wrong with the request is thrown before the start. Leaving the loop early ends the generation.
 */
export async function* answerTurn(
  model: TurnModel,
  prepare: Prepare,
  options: TurnOptions = {},
): AsyncGenerator<TurnPart, void, undefined> {
  const debug = model.onDebug?.(options.received?.(), model.tokenizer)
  try {
    yield* answer(model, prepare, options, debug)
  } catch (error) {
    debug?.failed(error)
    throw error
  } finally {
    debug?.ended()
  }
}

async function* answer(
  model: TurnModel,
  prepare: Prepare,
  options: TurnOptions,
  debug: DebugTurn | undefined,
): AsyncGenerator<TurnPart, void, undefined> {
  const { engine, tokenizer, memory } = model
  const { tokens: prompt, forks, record } = await prepare(prompterOf(model), { keepPieces: debug !== undefined })
  debug?.prompted(record.pieces ?? [], prompt, record.dropped)
  const adapter = model.adapters?.numberOf(record.model) ?? 0
  const room = checkRoom(prompt.length, engine.info.window)
  const maxTokens = Math.min(record.maxTokens ?? room, room)
  const { dropped, ignoredTools, ignoredFields, echo, stream } = record
  const { signal, abort, release } = following(options.signal)
  try {
    const held = await holdAnswer(model.grammars, record.hold, { signal, onUnheld: options.onUnheld })
    const sampling = engineSampling(record.sampling, model.defaults)
    const family = record.isRaw ? rawOutput : model.family
    const thought = thoughtLimit(family.thought, tokenizer, {
      maxTokens,
      budget: record.thinkingBudget,
      inThought: record.inThought,
    })
    const stopTokens = record.endTokens ? Int32Array.of(...model.stopTokens, ...record.endTokens) : model.stopTokens
    const client = options.clientOf?.(prompt)
    const loopGuard = model.loopGuard !== 'off' && !record.isRaw
    const request = {
      prompt,
      adapter,
      forks,
      client,
      loopGuard,
      repetition: record.repetition,
      maxTokens,
      ...sampling,
      stopTokens,
      grammar: held?.grammar,
      label: options.label,
    }
    let batches = thinkWithin(thought, engine, request, signal)
    if (held?.checked) batches = await begunMeanwhile(batches, held.checked)
    const notes = { adapter: model.adapters?.nameOf(adapter), dropped, ignoredTools, ignoredFields, echo }
    yield { type: 'start', model: record.model ?? model.name, stream, promptTokens: prompt.length, ...notes }

    model.onPrompt?.(prompt, record)
    if (debug) batches = noteBatches(batches, debug)
    const turn = rememberTurn(memory, record)
    const reader = family.reader({ tools: record.tools, inThought: record.inThought })
    let parts = readAnswer(turn.tokens(batches), tokenizer, reader, record.begun)
    if (held && options.onUnheld) parts = noteFailure(parts, model.grammars, options.onUnheld)
    if (record.noCalls) parts = callsAsWords(parts)
    if (options.onInvalidToolInput) parts = noteInvalidToolInput(parts, record.tools, options.onInvalidToolInput)
    if (!record.parallelCalls) parts = stopAfterCall(parts, abort)
    if (record.stopSequences.length > 0) parts = stopAtSequence(parts, record.stopSequences, abort)
    yield* turn.parts(toTurnParts(parts, record.callIdPrefix, { keepBlanks: record.isRaw }), signal)
  } finally {
    release()
    abort()
  }
}

/** The half of a model that makes prompts. */
export function prompterOf({ family, tokenizer, memory, thinking, loopGuard, grammars, engine }: TurnModel): Prompter {
  return { family, tokenizer, memory, thinking, loopGuard, constrain: grammars?.constrain, window: engine.info.window }
}

/** -> the tokens that the window leaves for an answer. Throws `prompt_too_long` if there is no room for one. */
export function checkRoom(promptTokens: number, window: number): number {
  if (promptTokens < window) return window - promptTokens
  // Clients read the two numbers out of this message, word for word.
  throw new TetherError('prompt_too_long', `prompt is too long: ${promptTokens} tokens > ${window - 1} maximum`)
}
