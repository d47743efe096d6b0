/** What the grammar of an answer is: of its calls, from the request's tools, or of the whole answer, from a schema. */
import { loosened, unbounded } from '../chat/grammar/bounds.js'
import { fitting, oneOf, SPACE, sequence, sourceOf } from '../chat/grammar/rule.js'
import type { CallSyntax, ChatTool, JsonObject, Piece, Rule, Tokenizer } from '../chat/types.js'
import type { HeldGrammar } from '../engine/types.js'
import { TetherError } from '../errors.js'
import type { Grammars, TurnModel, TurnRecord } from './types.js'

export interface HoldOptions {
  /** Called with a part of a tool's schema that is not held, once for each. */
  onUnheld?: (reason: string) => void
}

type Held = HeldGrammar | undefined

/**
 * undefined: nothing is held. Throws `invalid_request`, naming the construct, where the client relies on a grammar that
 * cannot be had: a strict tool, a schema for the answer, or `constrain` is `always`.
 */
export async function holdAnswer(
  { grammars, family, tokenizer }: Pick<TurnModel, 'grammars' | 'family' | 'tokenizer'>,
  record: TurnRecord,
  { onUnheld = () => {} }: HoldOptions = {},
): Promise<Held> {
  if (!grammars || grammars.constrain === 'off' || record.isRaw) return undefined
  const { answerSchema } = record
  const calls = record.noCalls || record.tools.length === 0 ? undefined : family.calls
  // A schema for the answer and tools beside it: which of the two comes is the model's choice, and calls alone are held.
  if (answerSchema && !calls) return holdSchema(grammars, answerSchema, thoughtOf(family.thought, tokenizer, record))
  if (!calls) return undefined
  return holdCalls(grammars, calls, { tokenizer, record, onUnheld })
}

/** The ids of a model's thoughts; undefined where there are none before this answer. */
interface Thought {
  open: number
  close: number
  isOpen: boolean
}

function thoughtOf(
  thought: TurnModel['family']['thought'],
  tokenizer: Pick<Tokenizer, 'id'>,
  record: TurnRecord,
): Thought | undefined {
  const ending = thought?.close.at(-1)
  const open = thought && tokenizer.id(thought.open)
  const close = typeof ending === 'object' ? tokenizer.id(ending.control) : undefined
  if (open === undefined || close === undefined) return undefined
  return { open, close, isOpen: record.inThought }
}

async function holdSchema(grammars: Grammars, schema: JsonObject, thought: Thought | undefined): Promise<Held> {
  const where = 'the schema of the answer'
  const fault = unbounded(schema) ?? loosened(schema).dropped[0]
  if (fault !== undefined) throw unheld(where, fault)
  const json = sequence(SPACE, fitting(schema))
  const source = sourceOf(thought ? afterThought(json, thought) : json)
  const [missing] = await compiled(grammars, source, where)
  if (missing !== undefined) throw unheld(where, missing)
  return { source, fromStart: true, begun: '', toEnd: true, afterTokens: new Int32Array(0), afterTexts: [] }
}

function afterThought(rule: Rule, { open, close, isOpen }: Thought): Rule {
  const rest: Rule[] = [
    { type: 'any_tokens', exclude_tokens: [open, close] },
    { type: 'token', token: close },
  ]
  if (isOpen) return sequence(...rest, rule)
  return oneOf([rule, sequence({ type: 'token', token: open }, ...rest, rule)])
}

interface CallContext {
  tokenizer: Pick<Tokenizer, 'id'>
  record: TurnRecord
  onUnheld: (reason: string) => void
}

async function holdCalls(grammars: Grammars, calls: CallSyntax, context: CallContext): Promise<Held> {
  const { tokenizer, record } = context
  const onUnheld = (reason: string) => grammars.isNews(reason) && context.onUnheld(reason)
  const options = { id: (control: string) => tokenizer.id(control), parallel: record.parallelCalls }
  const sourceFor = (tools: ChatTool[]) => sourceOf(calls.rule(tools, options))
  const always = grammars.constrain === 'always'
  const tools = record.tools.map((tool) => ({ tool, ...heldTool(tool, calls) }))
  await grammars.prepare()
  for (const { tool, missing } of tools) {
    if (!always && !tool.strict) continue
    const where = `the schema of the tool ${tool.name}`
    const [first] = missing.length > 0 ? missing : await compiled(grammars, sourceFor([tool]), where)
    if (first !== undefined) throw unheld(where, first)
  }
  let source = sourceFor(tools.map(({ held }) => held))
  // What failed once is held without arguments from then on.
  if (grammars.failureOf(source) !== undefined) source = sourceFor(tools.map(({ tool }) => withoutSchema(tool)))
  for (const { tool, missing } of tools) for (const one of missing) onUnheld(`${tool.name}: ${one}`)
  const failed = source
  // Compiled while the prompt is read: the engine finds the same grammar.
  grammars.compile(source).then(
    (missing) => {
      for (const one of missing) onUnheld(one)
    },
    (error: Error) => {
      grammars.noteFailure(failed, error.message)
      onUnheld(error.message)
    },
  )
  return { source, ...holdOf(calls, context) }
}

/** When calls are held: always behind their marker; from the start where the prompt has begun one. */
function holdOf(calls: CallSyntax, { tokenizer, record }: CallContext): Omit<HeldGrammar, 'source'> {
  const ids = calls.controls.map((control) => tokenizer.id(control)).filter((id) => id !== undefined)
  // Where a marker is a token, its text means nothing.
  const texts = ids.length > 0 ? calls.texts.filter((text) => !calls.controls.includes(text)) : [...calls.texts]
  const fromStart = record.begun.length > 0
  return {
    fromStart,
    begun: fromStart ? begunText(record.begun, calls) : '',
    toEnd: false,
    afterTokens: Int32Array.from(ids),
    afterTexts: texts,
  }
}

/** What of a begun call stands behind its marker. */
function begunText(begun: Piece[], { texts }: CallSyntax): string {
  const written = begun.filter((piece) => typeof piece === 'string').join('')
  const marker = texts.find((text) => written.startsWith(text))
  return marker === undefined ? written : written.slice(marker.length)
}

/** The tool with the schema that is compiled, and what of its own is missing there. */
function heldTool(tool: ChatTool, calls: CallSyntax): { held: ChatTool; missing: string[] } {
  const fault = calls.unwritable?.(tool) ?? unbounded(tool.schema)
  if (fault !== undefined) return { held: withoutSchema(tool), missing: [fault] }
  const { schema, dropped } = loosened(tool.schema)
  return {
    held: { ...tool, schema: schema.type === undefined ? { type: 'object', ...schema } : schema },
    missing: dropped,
  }
}

function withoutSchema(tool: ChatTool): ChatTool {
  return { ...tool, schema: { type: 'object' } }
}

/** -> what is not held. Throws `invalid_request`. */
async function compiled(grammars: Grammars, source: string, where: string): Promise<string[]> {
  await grammars.prepare()
  try {
    return await grammars.compile(source)
  } catch (error) {
    if (error instanceof TetherError && error.code !== 'invalid_request') throw error
    throw unheld(where, (error as Error).message)
  }
}

function unheld(where: string, what: string): TetherError {
  return new TetherError(
    'invalid_request',
    `${where} cannot be held while the answer is written: ${what}. Change the schema, or do not ask for it to be strict`,
  )
}
