/** Has the grammar of an answer compiled while its prompt is read, and says what it does not hold. */
import type { HeldGrammar } from '../engine/grammar.js'
import type { TetherError } from '../errors.js'
import { unheld } from './plan-hold.js'
import type { GeneratedPart } from './read-answer.js'
import type { Grammars, HoldPlan } from './types.js'

export interface HoldOptions {
  /** Fires when the answer is no longer wanted. */
  signal?: AbortSignal
  /** Called with a part of a tool's schema that is not held, once for each. */
  onUnheld?: (reason: string) => void
}

export interface Held {
  grammar: HeldGrammar
  /**
   * Where the client relies on the grammar: settled once it is compiled. Rejects with `invalid_request`, naming whose fault
   * it is, where that cannot be done. Need not be awaited.
   */
  checked?: Promise<void>
}

/** undefined: nothing is held. */
export async function holdAnswer(
  grammars: Grammars | undefined,
  plan: HoldPlan | undefined,
  { signal, onUnheld = () => {} }: HoldOptions = {},
): Promise<Held | undefined> {
  if (!grammars || !plan) return undefined
  await grammars.prepare()
  const tell = (reason: string) => {
    if (grammars.isNews(reason)) onUnheld(reason)
  }
  plan.missing.forEach(tell)
  const { otherwise, ...whole } = plan.grammar
  // What failed once is not tried again.
  const grammar = otherwise && grammars.hasFailed(whole.source) ? { ...whole, ...otherwise } : plan.grammar
  // The engine finds the same grammars.
  const checked = check({ ...plan, grammar }, grammars, { signal, tell })
  checked.catch(() => {})
  return plan.relied.length > 0 ? { grammar, checked } : { grammar }
}

interface Telling {
  signal: AbortSignal | undefined
  tell: (reason: string) => void
}

/** Of what is compiled as one, without a fault, each part is held. So the parts are tried only to name the one at fault. */
async function check({ grammar, relied }: HoldPlan, grammars: Grammars, { signal, tell }: Telling): Promise<void> {
  const first = await outcome(grammar.source, grammars, signal)
  if ('fault' in first && grammar.otherwise) tell(first.fault)
  const last = 'fault' in first && grammar.otherwise ? await outcome(grammar.otherwise.source, grammars, signal) : first
  if ('missing' in last && last.missing.length === 0) return
  for (const one of relied) {
    const own = await outcome(one.source, grammars, signal)
    const what = 'fault' in own ? own.fault : own.missing[0]
    if (what !== undefined) throw unheld(one, what)
  }
  if ('missing' in last) last.missing.forEach(tell)
  else if (relied[0]) throw unheld(relied[0], `with the other tools, ${last.fault}`)
  else tell(last.fault)
}

/** What a grammar does not hold, or why it cannot be compiled. */
async function outcome(
  source: string,
  grammars: Grammars,
  signal: AbortSignal | undefined,
): Promise<{ missing: string[] } | { fault: string }> {
  try {
    return { missing: await grammars.compile(source, signal) }
  } catch (error) {
    const { code, message } = error as TetherError
    if (code !== 'invalid_request') throw error
    return { fault: message }
  }
}

/** Takes the first of `parts` before it is asked for, so that the prompt is read meanwhile. Throws as `checked` does. */
export async function begunMeanwhile<T>(
  parts: AsyncGenerator<T, void, undefined>,
  checked: Promise<void>,
): Promise<AsyncGenerator<T, void, undefined>> {
  const first = parts.next()
  first.catch(() => {})
  try {
    await checked
  } catch (error) {
    parts.return().catch(() => {})
    throw error
  }
  return withFirst(first, parts)
}

async function* withFirst<T>(
  first: Promise<IteratorResult<T, void>>,
  parts: AsyncGenerator<T, void, undefined>,
): AsyncGenerator<T, void, undefined> {
  try {
    const { done, value } = await first
    if (done) return
    yield value
    yield* parts
  } finally {
    await parts.return()
  }
}

/** Tells why an answer was not held to its end. */
export async function* noteFailure(
  parts: AsyncIterable<GeneratedPart>,
  grammars: Grammars | undefined,
  onUnheld: (reason: string) => void,
): AsyncGenerator<GeneratedPart, void, undefined> {
  for await (const part of parts) {
    const failure = part.type === 'end' ? part.finish.constrained?.failure : undefined
    if (failure !== undefined && grammars?.isNews(failure)) onUnheld(failure)
    yield part
  }
}
