/** JSON of the Messages API to a MessagesRequest: every shape that clients send, brought to one; what is wrong is named by its field. */
import type { JsonObject, JsonValue } from '../chat/types.js'
import { TetherError } from '../errors.js'
import { SAMPLING_FIELDS, type SamplingKey, samplingFault } from './sampling.js'
import type {
  ContentBlock,
  MessagesRequest,
  OtherBlock,
  RequestMessage,
  RequestTool,
  TextBlock,
  ToolChoice,
} from './types.js'

/** No real request comes near this; without a bound, recursive code behind the parser would overflow its stack. */
const MAX_DEPTH = 1000

type Fields = { [key: string]: unknown }

/** The body of POST /v1/messages. Throws `invalid_request`. */
export function parseMessagesRequest(body: unknown): MessagesRequest {
  const fields = requestFields(body)
  return { ...readCommon(fields), maxTokens: readMaxTokens(fields.max_tokens) }
}

/** The body of POST /v1/messages/count_tokens: the same without `max_tokens`. Throws `invalid_request`. */
export function parseCountRequest(body: unknown): MessagesRequest {
  return readCommon(requestFields(body))
}

/** Over the wire a model has to be named, as in Anthropic's API; only a caller that holds the model may leave it out. */
export function requireModel(body: unknown): void {
  readText(requestFields(body).model, 'model')
}

function requestFields(body: unknown): Fields {
  if (!isFields(body)) fail('body', 'Input should be an object')
  if (deeperThan(body, MAX_DEPTH)) fail('body', `Input is nested deeper than ${MAX_DEPTH} levels`)
  return body
}

function readCommon(fields: Fields): MessagesRequest {
  return {
    model: fields.model === undefined ? undefined : readText(fields.model, 'model'),
    messages: readMessages(fields.messages),
    system: readSystem(fields.system),
    tools: readTools(fields.tools),
    toolChoice: readToolChoice(fields.tool_choice),
    stream: readFlag(fields.stream, 'stream'),
    stopSequences: readStopSequences(fields.stop_sequences),
    thinking: readThinking(fields.thinking),
    thinkingBudget: readThinkingBudget(fields.thinking),
    temperature: readSampling(fields, 'temperature'),
    topP: readSampling(fields, 'topP'),
    topK: readSampling(fields, 'topK'),
    minP: readSampling(fields, 'minP'),
    repetitionPenalty: readSampling(fields, 'repetitionPenalty'),
    seed: readSampling(fields, 'seed'),
  }
}

function readMessages(value: unknown): RequestMessage[] {
  if (value === undefined) fail('messages', 'Field required')
  if (!Array.isArray(value)) fail('messages', 'Input should be a list')
  if (value.length === 0) fail('messages', 'at least one message is required')
  return value.map((message, i) => readMessage(message, `messages.${i}`)).filter((message) => message !== undefined)
}

/** undefined: a system message that said nothing but a token count. */
function readMessage(value: unknown, at: string): RequestMessage | undefined {
  if (!isFields(value)) fail(at, 'Input should be an object')
  const role = value.role
  if (role === undefined) fail(`${at}.role`, 'Field required')
  if (role !== 'user' && role !== 'assistant' && role !== 'system') {
    fail(`${at}.role`, "Input should be 'user', 'assistant' or 'system'")
  }
  const content = readContent(value.content, `${at}.content`, role)
  if (role !== 'system') return { role, content }
  const kept = content.filter((block) => block.type !== 'text' || !isTokenCount(block.text))
  return kept.length === 0 && content.length > 0 ? undefined : { role, content: kept }
}

function readContent(value: unknown, at: string, role: RequestMessage['role']): ContentBlock[] {
  if (value === undefined) fail(at, 'Field required')
  if (typeof value === 'string') return [{ type: 'text', text: value }]
  if (!Array.isArray(value)) fail(at, 'Input should be a string or a list')
  return value.flatMap((block, i) => readBlock(block, `${at}.${i}`, role))
}

function readBlock(value: unknown, at: string, role: RequestMessage['role']): ContentBlock[] {
  const block = readTyped(value, at)
  switch (block.type) {
    case 'thinking':
      return [{ type: 'thinking', thinking: textOr(block.thinking), signature: textOr(block.signature) }]
    // Encrypted for another server: there is nothing in it that this model could read.
    case 'redacted_thinking':
      return []
    case 'tool_use':
      if (role !== 'assistant') fail(at, 'tool_use blocks can only be in assistant messages')
      return [
        {
          type: 'tool_use',
          id: readText(block.id, `${at}.id`),
          name: readText(block.name, `${at}.name`),
          input: readInput(block.input, `${at}.input`),
        },
      ]
    case 'tool_result':
      if (role !== 'user') fail(at, 'tool_result blocks can only be in user messages')
      return [
        {
          type: 'tool_result',
          tool_use_id: readText(block.tool_use_id, `${at}.tool_use_id`),
          content: readResult(block.content, `${at}.content`),
          is_error: readFlag(block.is_error, `${at}.is_error`),
        },
      ]
    default:
      return readPlainBlock(block, at)
  }
}

/** What a tool gave back: a string, blocks, or nothing in any spelling. */
function readResult(value: unknown, at: string): ContentBlock[] {
  if (value === undefined || value === null || value === '') return []
  if (typeof value === 'string') return [{ type: 'text', text: value }]
  if (!Array.isArray(value)) fail(at, 'Input should be a string or a list')
  return value.flatMap((block, i) => readPlainBlock(readTyped(block, `${at}.${i}`), `${at}.${i}`))
}

/** Blocks that may stand in a message and in a tool result alike. */
function readPlainBlock(block: Fields & { type: string }, at: string): ContentBlock[] {
  if (block.type === 'text') {
    if (block.text === undefined) fail(`${at}.text`, 'Field required')
    if (typeof block.text !== 'string') fail(`${at}.text`, 'Input should be a string')
    return [{ type: 'text', text: block.text }]
  }
  if (block.type === 'tool_reference') {
    return [{ type: 'tool_reference', tool_name: readText(block.tool_name, `${at}.tool_name`) }]
  }
  const source = isFields(block.source) ? block.source : {}
  // A document may be plain text, which any model can read.
  if (block.type === 'document' && source.type === 'text' && typeof source.data === 'string') {
    return [{ type: 'text', text: source.data }]
  }
  if (block.type === 'document' && source.type === 'content') return readResult(source.content, `${at}.source.content`)
  return [readOther(block, source)]
}

function readOther(block: Fields & { type: string }, source: Fields): OtherBlock {
  const data = typeof source.data === 'string' ? source.data : ''
  const other: OtherBlock = { type: 'other', kind: block.type, bytes: Math.floor((data.length * 3) / 4) }
  if (typeof source.media_type === 'string') other.mediaType = source.media_type
  const name = block.title ?? block.name
  if (typeof name === 'string' && name !== '') other.name = name
  return other
}

function readInput(value: unknown, at: string): JsonObject {
  if (value === undefined || value === null) return {}
  if (!isFields(value)) fail(at, 'Input should be an object')
  return value as JsonObject
}

function readSystem(value: unknown): TextBlock[] {
  if (value === undefined || value === null) return []
  const texts = typeof value === 'string' ? [value] : readSystemBlocks(value)
  return texts
    .map(withoutAttribution)
    .filter((text) => text !== '' && !isTokenCount(text))
    .map((text) => ({ type: 'text', text }))
}

function readSystemBlocks(value: unknown): string[] {
  if (!Array.isArray(value)) fail('system', 'Input should be a string or a list')
  return value.map((item, i) => {
    const block = readTyped(item, `system.${i}`)
    if (block.type !== 'text') fail(`system.${i}.type`, "Input should be 'text'")
    if (typeof block.text !== 'string') fail(`system.${i}.text`, 'Input should be a string')
    return block.text
  })
}

/** Claude Code's first system line is a checksum that changes with every conversation: in the prompt it would end every shared prefix. */
function withoutAttribution(text: string): string {
  return text.startsWith('x-anthropic-billing-header') ? text.replace(/^[^\n]*\n*/, '') : text
}

/** "N tokens left", told after each tool result: it is about another model's budget, and would make every prefix differ. */
function isTokenCount(text: string): boolean {
  const inner = inside(text.trim(), '<system-reminder>', '</system-reminder>') ?? text.trim()
  const count = inside(inner, '<total_tokens>', '</total_tokens>')
  return count !== undefined && !count.includes('<')
}

function inside(text: string, open: string, close: string): string | undefined {
  if (!text.startsWith(open) || !text.endsWith(close)) return undefined
  return text.slice(open.length, -close.length).trim()
}

function readTools(value: unknown): RequestTool[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) fail('tools', 'Input should be a list')
  return value.flatMap((tool, i) => readTool(tool, `tools.${i}`))
}

function readTool(tool: unknown, at: string): RequestTool[] {
  if (!isFields(tool)) fail(at, 'Input should be an object')
  const custom = tool.type === undefined || tool.type === null || tool.type === 'custom'
  // web_search_… and its like run on Anthropic's servers and carry no schema that could be shown to a model.
  if (!custom && !isFields(tool.input_schema)) return []
  const name = readText(tool.name, `${at}.name`)
  if (tool.input_schema === undefined) fail(`${at}.input_schema`, 'Field required')
  if (!isFields(tool.input_schema)) fail(`${at}.input_schema`, 'Input should be an object')
  return [
    {
      name,
      description: textOr(tool.description),
      input_schema: tool.input_schema as JsonObject,
      defer_loading: tool.defer_loading === true,
    },
  ]
}

function readToolChoice(value: unknown): ToolChoice {
  if (value === undefined || value === null) return { type: 'auto', disable_parallel_tool_use: false }
  const choice = readTyped(value, 'tool_choice')
  const disable_parallel_tool_use = readFlag(choice.disable_parallel_tool_use, 'tool_choice.disable_parallel_tool_use')
  switch (choice.type) {
    case 'auto':
    case 'any':
    case 'none':
      return { type: choice.type, disable_parallel_tool_use }
    case 'tool':
      return { type: 'tool', name: readText(choice.name, 'tool_choice.name'), disable_parallel_tool_use }
    default:
      return fail('tool_choice.type', "Input should be 'auto', 'any', 'tool' or 'none'")
  }
}

function readMaxTokens(value: unknown): number {
  if (value === undefined || value === null) fail('max_tokens', 'Field required')
  if (!Number.isInteger(value)) fail('max_tokens', 'Input should be a valid integer')
  if ((value as number) < 1) fail('max_tokens', 'Input should be greater than or equal to 1')
  return value as number
}

/** New kinds of thinking come up now and then; all but `disabled` ask for it. */
function readThinking(value: unknown): boolean {
  if (value === undefined || value === null) return false
  return readTyped(value, 'thinking').type !== 'disabled'
}

/** undefined: the request names none. Anthropic's own least is 1024; a small model may well be given less. */
function readThinkingBudget(value: unknown): number | undefined {
  if (!isFields(value) || value.type !== 'enabled') return undefined
  const { budget_tokens } = value
  if (budget_tokens === undefined || budget_tokens === null) return undefined
  if (!Number.isInteger(budget_tokens)) fail('thinking.budget_tokens', 'Input should be a valid integer')
  if ((budget_tokens as number) < 1) fail('thinking.budget_tokens', 'Input should be greater than or equal to 1')
  return budget_tokens as number
}

function readStopSequences(value: unknown): string[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) fail('stop_sequences', 'Input should be a list')
  return value.map((sequence, i) => readText(sequence, `stop_sequences.${i}`))
}

function readSampling(fields: Fields, key: SamplingKey): number | undefined {
  const { field } = SAMPLING_FIELDS[key]
  const value = fields[field]
  if (value === undefined || value === null) return undefined
  const wrong = samplingFault(key, value)
  return wrong ? fail(field, `Input should be ${wrong}`) : (value as number)
}

function readFlag(value: unknown, at: string): boolean {
  if (value === undefined || value === null) return false
  if (typeof value !== 'boolean') fail(at, 'Input should be a valid boolean')
  return value
}

/** A string that must be there and hold something. */
function readText(value: unknown, at: string): string {
  if (value === undefined || value === null) fail(at, 'Field required')
  if (typeof value !== 'string') fail(at, 'Input should be a string')
  if (value === '') fail(at, 'String should have at least 1 character')
  return value
}

function readTyped(value: unknown, at: string): Fields & { type: string } {
  if (!isFields(value)) fail(at, 'Input should be an object')
  if (value.type === undefined) fail(`${at}.type`, 'Field required')
  if (typeof value.type !== 'string') fail(`${at}.type`, 'Input should be a string')
  return value as Fields & { type: string }
}

function textOr(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Level by level, since a recursive walk is what this guards against. */
function deeperThan(value: unknown, most: number): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > most) return true
    const next: unknown[] = []
    for (const parent of level) {
      for (const child of Object.values(parent as JsonValue[])) {
        if (typeof child === 'object' && child !== null) next.push(child)
      }
    }
    level = next
  }
  return false
}

function fail(at: string, what: string): never {
  throw new TetherError('invalid_request', `${at}: ${what}`)
}
