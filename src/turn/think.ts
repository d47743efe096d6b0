/**
 * The stage that keeps thinking within a budget: a thought that reaches it is closed for the model, and the answer follows.
 * So is one that was ended because it repeated itself.
 *
 * Thinking that runs into max_tokens leaves no answer at all, and clients then ask again and get the same. Closing a
 * thought takes a second generation, from the prompt and everything generated so far; the engine has those in its cache.
 */
import type { OutputFormat, Tokenizer } from '../chat/types.js'
import type { Constrained, HeldGrammar } from '../engine/grammar.js'
import type { Engine, Finish, GenerateRequest, TokenBatch } from '../engine/types.js'

export interface ThoughtLimit {
  /** Tokens that all thoughts of an answer may have together. */
  budget: number
  /** The token that opens a thought. */
  open: number
  /** The token by which the model closes one. */
  close: number
  /** The tokens that close one for it. */
  closing: Int32Array
  /** Whether the prompt has opened one. */
  inThought: boolean
}

// A quarter of max_tokens is kept for the answer, but no more than most answers need.
const ANSWER_SHARE = 1 / 4
const ANSWER_TOKENS = 4096

/** undefined: this model has no thoughts, or its tokenizer has no tokens for them. */
export function thoughtLimit(
  thought: OutputFormat['thought'],
  tokenizer: Pick<Tokenizer, 'encodePrompt' | 'id'>,
  { maxTokens, budget = maxTokens, inThought }: { maxTokens: number; budget?: number; inThought: boolean },
): ThoughtLimit | undefined {
  const ending = thought?.close.at(-1)
  const open = thought && tokenizer.id(thought.open)
  const close = typeof ending === 'object' ? tokenizer.id(ending.control) : undefined
  if (!thought || open === undefined || close === undefined) return undefined
  const answer = Math.min(ANSWER_TOKENS, Math.ceil(maxTokens * ANSWER_SHARE))
  return {
    budget: Math.max(0, Math.min(budget, maxTokens - answer)),
    open,
    close,
    closing: tokenizer.encodePrompt(thought.close),
    inThought,
  }
}

/** Looks like one generation to its reader: one finish, last, with the counts of all its parts. The engine queues each part. */
export async function* thinkWithin(
  limit: ThoughtLimit | undefined,
  engine: Pick<Engine, 'generate'>,
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<TokenBatch, void, undefined> {
  if (!limit) return yield* engine.generate(request, signal)
  const meter = thoughtMeter(limit)
  const generated: number[] = []
  const keep = (tokens: Int32Array): TokenBatch => {
    for (const token of tokens) generated.push(token)
    return { tokens }
  }
  let before: Finish | undefined
  for (;;) {
    const prompt = before ? joined(request.prompt, generated) : request.prompt
    const grammar = before ? behindThought(request.grammar) : request.grammar
    const part = { ...request, prompt, grammar, maxTokens: request.maxTokens - generated.length }
    const run = new AbortController()
    let full = false
    let ended: Finish | undefined
    for await (const { tokens, finish } of engine.generate(part, AbortSignal.any([signal, run.signal]))) {
      const within: number = full ? 0 : meter.within(tokens)
      full ||= within < tokens.length
      if (full) run.abort()
      const batch = keep(tokens.subarray(0, within))
      if (finish) ended = total(before, finish, generated.length)
      if (finish?.reason === 'loop') full ||= meter.leave()
      if (!ended || full) yield batch
      else return yield { ...batch, finish: ended }
    }
    if (!ended) return
    const room = request.maxTokens - generated.length
    if (!signal.aborted) yield keep(limit.closing.subarray(0, room))
    before = { ...ended, outputTokens: generated.length }
    if (signal.aborted) return yield { tokens: new Int32Array(0), finish: { ...before, reason: 'cancelled' } }
    if (room <= limit.closing.length)
      return yield { tokens: new Int32Array(0), finish: { ...before, reason: 'length' } }
  }
}

/** What still holds once a thought is closed: a call that the prompt has begun stood before it. */
function behindThought(grammar: HeldGrammar | undefined): HeldGrammar | undefined {
  if (!grammar) return undefined
  const { behindThought: source, otherwise } = grammar
  return {
    ...grammar,
    source: source ?? grammar.source,
    otherwise: otherwise && { source: otherwise.behindThought ?? otherwise.source },
    fromStart: source !== undefined,
    begun: '',
  }
}

interface ThoughtMeter {
  /** Counts the tokens of thoughts. -> how many of the given tokens are within the budget */
  within(tokens: Int32Array): number
  /** Leaves no budget for another thought. -> whether one was open */
  leave(): boolean
}

function thoughtMeter({ budget, open, close, inThought }: ThoughtLimit): ThoughtMeter {
  let inside = inThought
  let used = 0
  const leave = () => {
    const wasInside = inside
    inside = false
    used = budget
    return wasInside
  }
  return {
    leave,
    within(tokens) {
      for (const [i, token] of tokens.entries()) {
        if (token === close) inside = false
        else if (token === open) inside = true
        else if (inside) {
          if (used >= budget) {
            leave()
            return i
          }
          used += 1
        }
      }
      return tokens.length
    },
  }
}

/** What is said of the prompt is that of the first generation. */
function total(before: Finish | undefined, finish: Finish, outputTokens: number): Finish {
  if (!before) return { ...finish, outputTokens }
  return {
    ...finish,
    outputTokens,
    promptTokens: before.promptTokens,
    cachedTokens: before.cachedTokens,
    createdTokens: before.createdTokens,
    computedTokens: before.computedTokens,
    miss: before.miss,
    queueSeconds: before.queueSeconds + finish.queueSeconds,
    prefillSeconds: before.prefillSeconds + finish.prefillSeconds,
    decodeSeconds: before.decodeSeconds + finish.decodeSeconds,
    constrained: both(before.constrained, finish.constrained),
  }
}

function both(before: Constrained | undefined, then: Constrained | undefined): Constrained | undefined {
  if (!before || !then) return then ?? before
  const { tokens, removed, failure } = before
  return { tokens: tokens + then.tokens, removed: removed + then.removed, failure: failure ?? then.failure }
}

function joined(prompt: Int32Array, generated: number[]): Int32Array {
  const all = new Int32Array(prompt.length + generated.length)
  all.set(prompt)
  all.set(generated, prompt.length)
  return all
}
