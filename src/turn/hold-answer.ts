/** Has the grammar of an answer compiled while its prompt is read, and says what it does not hold. */
import type { HeldGrammar } from '../engine/grammar.js'
import type { TetherError } from '../errors.js'
import { looseSource, unheld } from './plan-hold.js'
import type { GeneratedPart } from './read-answer.js'
import type { Grammars, GrammarText, HoldPlan, TurnModel, TurnRecord } from './types.js'

export interface HoldOptions {
  /** Fires when the answer is no longer wanted. */
  signal?: AbortSignal
  /** Called with a part of a tool's schema that is not held, once for each. */
  onUnheld?: (reason: string) => void
}

/** undefined: nothing is held. Throws `invalid_request` where the client relies on a grammar that cannot be compiled. */
export async function holdAnswer(
  { grammars, family, tokenizer }: Pick<TurnModel, 'grammars' | 'family' | 'tokenizer'>,
  record: Pick<TurnRecord, 'hold' | 'tools' | 'parallelCalls'>,
  { signal, onUnheld = () => {} }: HoldOptions = {},
): Promise<HeldGrammar | undefined> {
  const plan = record.hold
  if (!grammars || !plan) return undefined
  await grammars.prepare()
  for (const relied of plan.relied) {
    const [missing] = await compiled(grammars, relied, signal)
    if (missing !== undefined) throw unheld(relied, missing)
  }
  if (!plan.isOfCalls || !family.calls) return plan.grammar
  const tell = (reason: string) => grammars.isNews(reason) && onUnheld(reason)
  plan.missing.forEach(tell)
  if (plan.reliedOnly !== undefined) return compiledOr(plan.reliedOnly, grammars, plan.grammar, { signal, tell })
  // What failed once is held without arguments from then on.
  const hasFailed = grammars.hasFailed(plan.grammar.source)
  const source = hasFailed ? looseSource(family.calls, tokenizer, record) : plan.grammar.source
  // Compiled while the prompt is read: the engine finds the same grammar.
  grammars.compile(source, signal).then(
    (missing) => missing.forEach(tell),
    ({ code, message }: TetherError) => {
      if (code === 'invalid_request') tell(message)
    },
  )
  return { ...plan.grammar, source }
}

/** The grammar with another text, if its own cannot be compiled. */
async function compiledOr(
  other: GrammarText,
  grammars: Grammars,
  grammar: HeldGrammar,
  { signal, tell }: { signal: AbortSignal | undefined; tell: (reason: string) => void },
): Promise<HeldGrammar> {
  try {
    for (const missing of await grammars.compile(grammar.source, signal)) tell(missing)
    return grammar
  } catch (error) {
    if ((error as TetherError).code !== 'invalid_request') throw error
    tell((error as TetherError).message)
    return { ...grammar, ...other }
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

/** -> what is not held. Throws `invalid_request`. */
async function compiled(
  grammars: Grammars,
  relied: HoldPlan['relied'][number],
  signal: AbortSignal | undefined,
): Promise<string[]> {
  try {
    return await grammars.compile(relied.source, signal)
  } catch (error) {
    throw (error as TetherError).code === 'invalid_request' ? unheld(relied, (error as TetherError).message) : error
  }
}
