/** The body of POST /v1/responses to a turn. A body is walked here once, and typed from here on. */
import type { ChatMessage } from '../../chat/types.js'
import { askForJson } from '../../turn/ask-for-json.js'
import { joinMessages } from '../../turn/join-messages.js'
import {
  type Fields,
  fail,
  isFields,
  type ReadOptions,
  readFlag,
  readModel,
  readText,
  requestFields,
} from '../../turn/request-fields.js'
import { readSampling } from '../../turn/request-sampling.js'
import type { Overflow, TurnRequest } from '../../turn/types.js'
import { readEffort, readLimit } from '../common.js'
import { readFormat, readString } from '../content.js'
import { UnknownResponse } from '../errors.js'
import {
  type FieldTable,
  harmless,
  ignoredFields,
  list,
  object,
  orNone,
  read,
  refused,
  sharedFields,
  unsupported,
  whole,
} from '../fields.js'
import { readInput } from './items.js'
import { packed, type ResponseStore, unpacked } from './store.js'
import { readResponseTools } from './tools.js'
import type { RepeatedFields, ResponseEcho } from './types.js'

export const FIELDS: FieldTable = {
  ...sharedFields,
  input: read,
  instructions: read,
  tools: read,
  tool_choice: read,
  parallel_tool_calls: read,
  previous_response_id: read,
  max_output_tokens: read,
  text: read,
  reasoning: read,
  truncation: read,
  store: read,
  stream_options: harmless(object),
  include: unsupported(list),
  top_logprobs: unsupported(whole(0, 20), 0),
  max_tool_calls: unsupported(whole(1)),
  context_management: unsupported(list),
  background: harmless(refused('Input should be false: a response is made while its client waits')),
  conversation: harmless((_, at) => fail(at, 'conversations are not kept here. Use previous_response_id.')),
  prompt: harmless((_, at) => fail(at, 'prompts are not kept here. Send the text as instructions or input.')),
}

export interface ParsedResponse {
  turn: TurnRequest
  /** Unset: as the server does. */
  onOverflow?: Overflow
}

/** Throws `invalid_request`, naming the field. */
export function parseResponse(
  body: unknown,
  store: Pick<ResponseStore, 'find'>,
  options?: ReadOptions,
): ParsedResponse {
  const fields = requestFields(body, options)
  const ignored = ignoredFields(fields, FIELDS)
  const text = readObject(fields.text, 'text')
  const reasoning = readObject(fields.reasoning, 'reasoning')
  if ((text.verbosity ?? 'medium') !== 'medium') ignored.push('text.verbosity')
  if ((reasoning.summary ?? reasoning.generate_summary ?? null) !== null) ignored.push('reasoning.summary')

  const model = readModel(fields.model)
  const instructions = fields.instructions == null ? null : readString(fields.instructions, 'instructions')
  const said = readInput(fields.input)
  const previous =
    fields.previous_response_id == null ? null : readText(fields.previous_response_id, 'previous_response_id')
  const messages = joinMessages([...systemOf(instructions), ...earlier(previous, store), ...said], { joinSystem: true })
  const schema = readFormat(text.format, 'text.format')
  const { tools, ignoredTools, toolChoice, others } = readResponseTools(fields)
  const maxTokens = readLimit(fields.max_output_tokens, 'max_output_tokens')
  const parallelCalls =
    fields.parallel_tool_calls == null || readFlag(fields.parallel_tool_calls, 'parallel_tool_calls')
  const sampling = readSampling(fields)
  const onOverflow = readTruncation(fields.truncation)
  const repeated: RepeatedFields = {
    background: false,
    instructions: unlessLong(instructions, null),
    max_output_tokens: maxTokens ?? null,
    metadata: unlessLong((fields.metadata ?? {}) as object, {}),
    parallel_tool_calls: parallelCalls,
    previous_response_id: previous,
    reasoning: { effort: null, summary: null, ...unlessLong(reasoning, {}) },
    service_tier: 'default',
    store: fields.store == null || readFlag(fields.store, 'store'),
    temperature: sampling.temperature ?? null,
    text: { format: { type: 'text' }, ...unlessLong(text, {}) },
    tool_choice: unlessLong<unknown>(fields.tool_choice ?? 'auto', 'auto'),
    tools: unlessLong((fields.tools ?? []) as unknown[], []),
    top_logprobs: 0,
    top_p: sampling.topP ?? null,
    truncation: onOverflow === 'truncate' ? 'auto' : 'disabled',
    user: unlessLong((fields.user ?? null) as string | null, null),
  }
  const turn: TurnRequest = {
    model,
    stream: readFlag(fields.stream, 'stream'),
    chat: {
      messages: schema ? askForJson(messages, schema, tools) : messages,
      tools,
      thinking: readEffort(reasoning.effort, 'reasoning.effort'),
    },
    toolChoice,
    parallelCalls,
    maxTokens,
    stopSequences: [],
    answerSchema: schema,
    sampling,
    callIdPrefix: 'call_',
    ignoredTools: orNone(ignoredTools),
    ignoredFields: orNone([...ignored, ...ignoredTools.map((type) => `a tool of type ${type}`)]),
    echo: { repeated, others, ...(repeated.store ? { said: packed(said) } : {}) } satisfies ResponseEcho,
  }
  return { turn, onOverflow }
}

function systemOf(instructions: string | null): ChatMessage[] {
  return instructions ? [{ role: 'system', parts: [{ type: 'text', text: instructions }] }] : []
}

function earlier(id: string | null, store: Pick<ResponseStore, 'find'>): ChatMessage[] {
  if (id === null) return []
  const said = store.find(id)
  if (!said) throw new UnknownResponse(JSON.stringify(id.slice(0, 80)))
  return unpacked(said)
}

/** Characters of a field that a response repeats. Writing much more, three times, would hold up other answers. */
const LONGEST_REPEATED = 2 ** 18

function unlessLong<T>(value: T, otherwise: T): T {
  return JSON.stringify(value).length > LONGEST_REPEATED ? otherwise : value
}

function readObject(value: unknown, at: string): Fields {
  if (value === undefined || value === null) return {}
  if (!isFields(value)) fail(at, 'Input should be an object')
  return value
}

function readTruncation(value: unknown): Overflow | undefined {
  if (value === undefined || value === null) return undefined
  if (value === 'auto') return 'truncate'
  return value === 'disabled' ? 'error' : fail('truncation', "Input should be 'auto' or 'disabled'")
}
