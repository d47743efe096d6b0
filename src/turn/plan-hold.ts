/** What an answer is held to: its calls, by the request's tools, or the whole answer, by a schema. Pure, as prepareTurn is. */
import { heldSchema } from '../chat/grammar/held-schema.js'
import { fitting, oneOf, SPACE, sequence, sourceOf, text } from '../chat/grammar/rule.js'
import type { CallSyntax, ChatTool, JsonObject, Piece, Rule } from '../chat/types.js'
import type { GrammarText, HeldGrammar } from '../engine/grammar.js'
import { TetherError } from '../errors.js'
import { briefly } from '../one-line.js'
import type { HoldPlan, Prompter, Relied, TurnRecord, TurnRequest } from './types.js'

/**
 * Characters of a grammar's text, which take some seconds of a thread. Claude Code's tools have 15,000, those of many MCP
 * servers ten times as many.
 */
const LONGEST_SOURCE = 2 ** 18

type Asked = Pick<TurnRequest, 'answerSchema' | 'parallelCalls'> &
  Pick<TurnRecord, 'tools' | 'noCalls' | 'begun' | 'inThought'> & {
    /** The text of the last message, where the answer continues it. */
    continued?: string
  }

/** undefined: nothing is held. Throws `invalid_request`, naming the construct, where the client relies on what no grammar says. */
export function planHold(prompter: Prompter, asked: Asked): HoldPlan | undefined {
  const { constrain = 'off', family } = prompter
  if (constrain === 'off') return undefined
  const calls = asked.noCalls || asked.tools.length === 0 ? undefined : family.calls
  if (calls) return planCalls(prompter, calls, asked)
  return asked.answerSchema && planSchema(asked.answerSchema, thoughtOf(prompter, asked), asked.continued)
}

/** How a model's thoughts are written. `open`: undefined where only the prompt may open one. */
interface Thought {
  open?: Rule
  rest: Rule[]
  isOpen: boolean
}

/** undefined: there are none before this answer. */
function thoughtOf({ family: { thought }, tokenizer }: Prompter, { inThought }: Asked): Thought | undefined {
  const ending = thought?.close.at(-1)
  if (!thought || typeof ending !== 'object') return undefined
  const open = tokenizer.id(thought.open)
  const close = tokenizer.id(ending.control)
  if (open !== undefined && close !== undefined) {
    const rest: Rule[] = [
      { type: 'any_tokens', exclude_tokens: [open, close] },
      { type: 'token', token: close },
    ]
    return { open: { type: 'token', token: open }, rest, isOpen: inThought }
  }
  // Marks that are text: a thought that is open has to be closed, and no other is begun.
  const rest: Rule[] = [{ type: 'any_text', excludes: [ending.control] }, text(ending.control)]
  return inThought ? { rest, isOpen: true } : undefined
}

function planSchema(schema: JsonObject, thought: Thought | undefined, begun?: string): HoldPlan {
  const { json, relied } = heldAnswer(schema)
  const grammar = { ...textOf(json, thought), ...fromStart(begun), required: true }
  return { grammar, relied: [relied], missing: [] }
}

/** The whole answer as JSON, and that the client relies on it. */
function heldAnswer(schema: JsonObject): { json: Rule; relied: HoldPlan['relied'][number] } {
  const answer = { where: 'the schema of the answer', instead: 'ask for that part in words' }
  const { schema: held, missing } = heldSchema(schema)
  if (missing[0] !== undefined || !held) throw unheld(answer, missing[0] ?? 'it allows nothing')
  const json = sequence(SPACE, fitting(held))
  return { json, relied: { ...answer, source: sourceOf(json) } }
}

/** What holds from the first token on to the end. */
function textOf(rule: Rule, thought: Thought | undefined): GrammarText {
  const behindThought = sourceOf(rule)
  return { source: thought ? sourceOf(afterThought(rule, thought)) : behindThought, behindThought }
}

function fromStart(begun = ''): Omit<HeldGrammar, 'source' | 'required'> {
  return { fromStart: true, begun, toEnd: true, afterTokens: new Int32Array(0), afterTexts: [] }
}

function afterThought(rule: Rule, { open, rest, isOpen }: Thought): Rule {
  if (isOpen) return sequence(...rest, rule)
  return open ? oneOf([rule, sequence(open, ...rest, rule)]) : rule
}

function planCalls(prompter: Prompter, calls: CallSyntax, asked: Asked): HoldPlan {
  const { tokenizer, constrain } = prompter
  const relied: HoldPlan['relied'] = []
  // The prompt has begun a call where there must be one.
  const answer = asked.answerSchema && asked.begun.length === 0 ? heldAnswer(asked.answerSchema) : undefined
  if (answer) relied.push(answer.relied)
  const thought = thoughtOf(prompter, asked)
  const textFor = (tools: ChatTool[]): GrammarText => {
    const rule = callRule(calls, tokenizer, { ...asked, tools })
    if (!answer) return { source: sourceOf(rule) }
    return textOf(oneOf([answer.json, wholeCalls(rule, calls, tokenizer, asked.parallelCalls)]), thought)
  }
  const tools = asked.tools.map((tool) => ({ tool, ...heldTool(tool, calls) }))
  const isRelied = (tool: ChatTool) => constrain === 'always' || tool.strict === true
  for (const { tool, held, missing } of tools) {
    if (!isRelied(tool)) continue
    const instead = constrain === 'always' ? 'set constrain to auto' : 'do not ask for it to be strict'
    const one = { where: `the schema of the tool ${briefly(tool.name)}`, instead }
    if (missing[0] !== undefined) throw unheld(one, missing[0])
    relied.push({ ...one, source: sourceOf(callRule(calls, tokenizer, { ...asked, tools: [held] })) })
  }
  const missing = tools.flatMap(({ tool, missing }) => missing.map((one) => `${briefly(tool.name)}: ${one}`))
  const text = textFor(tools.map(({ held }) => held))
  const marks = answer ? fromStart(asked.continued) : holdOf(calls, tokenizer, asked.begun)
  const hold = { ...marks, required: relied.length > 0 }
  const shorter = textFor(tools.map(({ tool, held }) => (isRelied(tool) ? held : withoutSchema(held))))
  const otherwise = shorter.source === text.source ? undefined : shorter
  if (text.source.length <= LONGEST_SOURCE) return { grammar: { ...text, ...hold, otherwise }, relied, missing }
  if (relied[0] && shorter.source.length > LONGEST_SOURCE)
    throw unheld(relied[0], `with the other tools it has more than ${LONGEST_SOURCE} characters`)
  const tooLong = `schemas of more than ${LONGEST_SOURCE} characters together`
  return { grammar: { ...shorter, ...hold }, relied, missing: [tooLong] }
}

type Ids = Pick<Prompter['tokenizer'], 'id'>
type Calls = Pick<Asked, 'tools' | 'parallelCalls'>

function callRule(calls: CallSyntax, tokenizer: Ids, { tools, parallelCalls }: Calls): Rule {
  return calls.rule(tools, { id: (control) => tokenizer.id(control), parallel: parallelCalls })
}

/** Calls with their markers, as an answer that is nothing else: each is `rule` behind a marker. */
function wholeCalls(rule: Rule, calls: CallSyntax, tokenizer: Ids, parallel: boolean): Rule {
  const { ids, texts } = markersOf(calls, tokenizer)
  const markers: Rule[] = [...ids.map((token): Rule => ({ type: 'token', token })), ...texts.map(text)]
  const marked = sequence(oneOf(markers), rule)
  const first = calls.opening === undefined ? marked : oneOf([rule, marked])
  return sequence(SPACE, first, ...(parallel ? [{ type: 'star' as const, content: sequence(SPACE, marked) }] : []))
}

/** The tokens and the texts behind which a call stands. */
function markersOf(calls: CallSyntax, tokenizer: Ids): { ids: number[]; texts: string[] } {
  const ids = calls.controls.map((control) => tokenizer.id(control)).filter((id) => id !== undefined)
  // Where a marker is a token, its text means nothing.
  return {
    ids,
    texts: ids.length > 0 ? calls.texts.filter((text) => !calls.controls.includes(text)) : [...calls.texts],
  }
}

/** When calls are held: always behind their marker; from the start where the prompt has begun one. */
function holdOf(calls: CallSyntax, tokenizer: Ids, begun: Piece[]): Omit<HeldGrammar, 'source' | 'required'> {
  const { ids, texts } = markersOf(calls, tokenizer)
  const isBegun = begun.length > 0
  return {
    fromStart: isBegun,
    begun: isBegun ? begunText(begun, calls) : '',
    toEnd: false,
    afterTokens: Int32Array.from(ids),
    afterTexts: texts,
    opening: calls.opening,
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
  const fault = calls.unwritable?.(tool)
  if (fault !== undefined) return { held: withoutSchema(tool), missing: [briefly(fault)] }
  const { schema, missing } = heldSchema(tool.schema, { also: ANY_INPUT, isPlain: calls.quote !== undefined })
  return { held: schema ? { ...tool, schema } : withoutSchema(tool), missing }
}

const ANY_INPUT: JsonObject = { type: 'object' }

function withoutSchema(tool: ChatTool): ChatTool {
  return { ...tool, schema: ANY_INPUT }
}

export function unheld({ where, instead }: Relied, what: string): TetherError {
  const fault = `${where} cannot be held while the answer is written: ${what}`
  return new TetherError('invalid_request', `${fault}. Change the schema, or ${instead}`)
}
