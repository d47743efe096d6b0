/** The JSON of the Messages API to a ParsedRequest. A body is walked here once, and typed from here on. */
import type { JsonObject } from '../chat/types.js'
import { readAnswerSchema } from '../turn/read-schema.js'
import {
  type Fields,
  fail,
  isFields,
  type ReadOptions,
  readFlag,
  readModel,
  readText,
  readTyped,
  requestFields,
} from '../turn/request-fields.js'
import { readSampling } from '../turn/request-sampling.js'
import { checkStopSequences } from '../turn/stop-search.js'
import { readMessages, readSystem } from './parse-content.js'
import { readToolChoice, readTools } from './parse-tools.js'
import type { ParsedRequest } from './types.js'

export interface ParseOptions extends ReadOptions {
  /** Over the wire a request has to name a model, as in Anthropic's API. A caller that holds the model need not. */
  modelRequired?: boolean
}

/** The body of POST /v1/messages. Throws `invalid_request`. */
export function parseMessagesRequest(body: unknown, options?: ParseOptions): ParsedRequest {
  const fields = requestFields(body, options)
  // An ordinary answer would be taken for the summary that this asks for.
  refuse(fields, 'compaction', 'conversations are not compacted here; ask for a summary in a message')
  return { ...readCommon(fields, options), maxTokens: readMaxTokens(fields.max_tokens) }
}

/** The body of POST /v1/messages/count_tokens: the same without `max_tokens`. Throws `invalid_request`. */
export function parseCountRequest(body: unknown, options?: ParseOptions): ParsedRequest {
  return readCommon(requestFields(body, options), options)
}

function readCommon(fields: Fields, { modelRequired = false }: ParseOptions = {}): ParsedRequest {
  // The server reads it before, unless the request is too large for that.
  refuse(fields, 'thread', 'this conversation is not held here; send all messages, without thread')
  return {
    model: fields.model === undefined && !modelRequired ? undefined : readModel(fields.model),
    messages: readMessages(fields.messages),
    system: readSystem(fields.system),
    ...readTools(fields.tools),
    toolChoice: readToolChoice(fields.tool_choice),
    outputSchema: readOutputSchema(fields),
    stream: readFlag(fields.stream, 'stream'),
    stopSequences: readStopSequences(fields.stop_sequences),
    thinking: readThinking(fields.thinking),
    thinkingBudget: readThinkingBudget(fields.thinking),
    ...readSampling(fields),
  }
}

/** Fields that ask for another kind of answer, so that it would be wrong to ignore them. */
function refuse(fields: Fields, name: string, why: string): void {
  if (fields[name] !== undefined && fields[name] !== null) fail(name, why)
}

function readMaxTokens(value: unknown): number {
  if (value === undefined || value === null) fail('max_tokens', 'Field required')
  if (!Number.isInteger(value)) fail('max_tokens', 'Input should be a valid integer')
  if ((value as number) < 1) fail('max_tokens', 'Input should be greater than or equal to 1')
  return value as number
}

/** All types but `disabled` ask for thinking, also those that are not known yet. */
function readThinking(value: unknown): boolean {
  if (value === undefined || value === null) return false
  return readTyped(value, 'thinking').type !== 'disabled'
}

/** undefined: the request names none. Anthropic's own minimum is 1024; for a small model less makes sense. */
function readThinkingBudget(value: unknown): number | undefined {
  if (!isFields(value) || value.type !== 'enabled') return undefined
  const { budget_tokens } = value
  if (budget_tokens === undefined || budget_tokens === null) return undefined
  if (!Number.isInteger(budget_tokens)) fail('thinking.budget_tokens', 'Input should be a valid integer')
  if ((budget_tokens as number) < 1) fail('thinking.budget_tokens', 'Input should be greater than or equal to 1')
  return budget_tokens as number
}

/** `output_config.format`, or `output_format` as it was called before. */
function readOutputSchema({ output_config: config, output_format: older }: Fields): JsonObject | undefined {
  if (config !== undefined && config !== null && !isFields(config)) fail('output_config', 'Input should be an object')
  const [format, at] =
    isFields(config) && config.format !== undefined ? [config.format, 'output_config.format'] : [older, 'output_format']
  if (format === undefined || format === null) return undefined
  const { type, schema } = readTyped(format, at)
  if (type === 'text') return undefined
  if (type !== 'json_schema') fail(`${at}.type`, "Input should be 'json_schema'")
  return readAnswerSchema(schema, `${at}.schema`)
}

function readStopSequences(value: unknown): string[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) fail('stop_sequences', 'Input should be a list')
  const sequences = value.map((sequence, i) => readText(sequence, `stop_sequences.${i}`))
  return checkStopSequences(sequences, 'stop_sequences')
}
