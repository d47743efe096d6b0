/**
 * Gemma 4's prompt. Follows Google's chat template token for token on what that renders correctly, but for:
 *  - an assistant's text stands before its tool calls, in the order it was written; the official one puts it behind the
 *    tool responses and then omits the header of the next turn;
 *  - without thinking, the empty-thought primer is replayed in earlier turns, since the model has seen it there;
 *  - thinking of earlier turns is kept, for the same reason: a prompt plus what was generated from it must be a prefix of
 *    the next prompt, or every turn computes the conversation again;
 *  - an assistant's text is not trimmed, for the same reason;
 *  - system messages after the first are turns of their own, in place; one that follows the first user message
 *    directly (Claude Code's environment) is put before it, which lets sessions share it;
 *  - where the last turn has tool calls without results, the official template's rule is kept: the prompt ends in
 *    `<|tool_response>`.
 */
import type { Chat, ChatMessage, ChatPart, ChatTool, JsonObject, JsonValue, Piece } from '../types.js'
import { hoistEnvironment, joinTexts } from './messages.js'

const mark = (control: string): Piece => ({ control })
const TURN = mark('<|turn>')
const TURN_END = mark('<turn|>')
const CHANNEL = mark('<|channel>')
const CHANNEL_END = mark('<channel|>')
const QUOTE = mark('<|"|>')
const PRIMER: Piece[] = [CHANNEL, 'thought\n', CHANNEL_END]

export function renderGemma4(chat: Chat): Piece[] {
  const messages = hoistEnvironment(chat.messages)
  const out: Piece[] = [mark('<bos>')]
  const first = messages[0]?.role === 'system' ? messages[0] : undefined
  if (first || chat.tools.length > 0 || chat.thinking) {
    out.push(TURN, 'system\n')
    if (chat.thinking) out.push(mark('<|think|>'), '\n')
    if (first) out.push(joinTexts(first.parts).trim())
    for (const tool of chat.tools) out.push(mark('<|tool>'), ...declaration(tool), mark('<tool|>'))
    out.push(TURN_END, '\n')
  }
  return [...out, ...conversation(first ? messages.slice(1) : messages, chat.thinking)]
}

/** Where a model turn is open, the model goes on in it after tool results without a new header. */
function conversation(messages: ChatMessage[], thinking: boolean): Piece[] {
  const out: Piece[] = []
  let open = false
  let names = new Map<string, string>() // of the calls of the open turn, by id
  let order: string[] = []
  let answered = true
  const close = () => {
    if (open) out.push(TURN_END, '\n')
    open = false
  }
  for (const message of messages) {
    if (message.role === 'assistant') {
      if (!open) {
        out.push(TURN, 'model\n')
        if (!thinking) out.push(...PRIMER)
      }
      open = true
      const calls = message.parts.filter((part) => part.type === 'tool_call')
      out.push(...message.parts.flatMap(modelPart))
      if (calls.length > 0) {
        names = new Map(calls.map((call) => [call.id, call.name]))
        order = calls.map((call) => call.id)
        answered = false
      }
      continue
    }
    const results = message.parts.filter((part) => part.type === 'tool_result')
    // Results come in the order in which the tools were done; the model called them in another.
    results.sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id))
    for (const result of results) out.push(...toolResponse(names.get(result.id) ?? 'unknown', result.text))
    if (results.length > 0) answered = true
    const text = joinTexts(message.parts)
    if (!text && results.length > 0) continue
    close()
    out.push(TURN, `${message.role}\n${text.trim()}`, TURN_END, '\n')
  }
  if (open && !answered) return [...out, mark('<|tool_response>')]
  if (open && messages.at(-1)?.role !== 'assistant') return out
  // A conversation that ends with the assistant's own words is one to be continued: its turn stays open.
  if (open) return out
  return [...out, TURN, 'model\n', ...(thinking ? [] : PRIMER)]
}

function modelPart(part: ChatPart): Piece[] {
  if (part.type === 'text') return [part.text]
  if (part.type === 'thinking') return [CHANNEL, `thought\n${part.text}`, CHANNEL_END]
  if (part.type === 'tool_call') {
    const members = sorted(part.input).map(([key, value]) => [`${key}:`, ...argument(value)])
    return [mark('<|tool_call>'), `call:${part.name}{`, ...commas(members), '}', mark('<tool_call|>')]
  }
  return []
}

function toolResponse(name: string, text: string): Piece[] {
  return [mark('<|tool_response>'), `response:${name}{value:`, QUOTE, text, QUOTE, '}', mark('<tool_response|>')]
}

function declaration(tool: ChatTool): Piece[] {
  const { schema } = tool
  const out: Piece[] = [`declaration:${tool.name}{description:`, QUOTE, tool.description, QUOTE]
  out.push(',parameters:{')
  const properties = isObject(schema.properties) ? schema.properties : {}
  if (Object.keys(properties).length > 0) out.push('properties:{', ...parameters(properties), '},')
  const required = strings(schema.required)
  if (required.length > 0) out.push('required:[', ...commas(required.map(quoted)), '],')
  if (schema.type) out.push('type:', ...quoted(String(schema.type).toUpperCase()), '}')
  return [...out, '}']
}

const STANDARD_KEYS = ['description', 'type', 'properties', 'required', 'nullable']

/** A schema's properties as the official template writes them; `own` leaves out what describes the object itself. */
function parameters(properties: JsonObject, own = false): Piece[] {
  const entries = sorted(properties).filter(([key]) => !own || !STANDARD_KEYS.includes(key))
  return commas(entries.map(([key, value]) => [`${key}:{`, ...property(isObject(value) ? value : {}), '}']))
}

function property(schema: JsonObject): Piece[] {
  const type = String(schema.type ?? '').toUpperCase()
  const fields: Piece[][] = []
  if (schema.description) fields.push(['description:', ...quoted(String(schema.description))])
  if (type === 'STRING' && truthy(schema.enum)) fields.push(['enum:', ...argument(schema.enum as JsonValue, true)])
  if (type === 'ARRAY' && isObject(schema.items) && truthy(schema.items)) fields.push(items(schema.items))
  if (schema.nullable) fields.push(['nullable:true'])
  if (type === 'OBJECT') {
    const inner = isObject(schema.properties) ? parameters(schema.properties) : parameters(schema, true)
    fields.push(['properties:{', ...inner, '}'])
    const required = strings(schema.required)
    if (required.length > 0) fields.push(['required:[', ...commas(required.map(quoted)), ']'])
  }
  fields.push(['type:', ...quoted(type)])
  return commas(fields)
}

function items(schema: JsonObject): Piece[] {
  const fields: Piece[][] = []
  for (const [key, value] of sorted(schema)) {
    if (value === null) continue
    if (key === 'properties') fields.push(['properties:{', ...(isObject(value) ? parameters(value) : []), '}'])
    else if (key === 'required') fields.push(['required:[', ...commas(strings(value).map(quoted)), ']'])
    else if (key === 'type' && Array.isArray(value))
      fields.push([
        'type:',
        ...argument(
          value.map((one) => String(one).toUpperCase()),
          true,
        ),
      ])
    else if (key === 'type') fields.push(['type:', ...quoted(String(value).toUpperCase())])
    else fields.push([`${key}:`, ...argument(value, true)])
  }
  return ['items:{', ...commas(fields), '}']
}

/** A value in Gemma 4's own notation; keys are quoted inside declarations and bare inside calls. */
function argument(value: JsonValue, quoteKeys = false): Piece[] {
  if (typeof value === 'string') return quoted(value)
  if (Array.isArray(value)) return ['[', ...commas(value.map((item) => argument(item, quoteKeys))), ']']
  if (isObject(value)) {
    const members = sorted(value).map(([key, member]) => [
      ...(quoteKeys ? quoted(key) : [key]),
      ':',
      ...argument(member, quoteKeys),
    ])
    return ['{', ...commas(members), '}']
  }
  return [value === null ? 'null' : String(value)]
}

function quoted(text: string): Piece[] {
  return [QUOTE, text, QUOTE]
}

function commas(groups: Piece[][]): Piece[] {
  return groups.flatMap((group, i) => (i > 0 ? [',', ...group] : group))
}

/** Jinja's dictsort: by key, case-insensitively. */
function sorted(object: JsonObject): [string, JsonValue][] {
  const folded = (key: string) => key.toLowerCase()
  return Object.entries(object).sort(([a], [b]) => (folded(a) < folded(b) ? -1 : folded(a) > folded(b) ? 1 : 0))
}

function strings(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? value.map(String) : []
}

function truthy(value: JsonValue | undefined): boolean {
  return Array.isArray(value) ? value.length > 0 : isObject(value) ? Object.keys(value).length > 0 : Boolean(value)
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
