/** Answers as models generate them, for a test's engine. */
import type { JsonObject, JsonValue, Part, Piece } from '../../src/chat/types.js'

const QUOTE: Piece = { control: '<|"|>' }

/** An answer as Gemma 4 generates it. */
export function speakGemma4(parts: Part[]): Piece[] {
  return parts.flatMap((part): Piece[] => {
    if (part.type === 'text') return [part.text]
    if (part.type === 'thinking')
      return [{ control: '<|channel>' }, `thought\n${part.text}\n`, { control: '<channel|>' }]
    return [{ control: '<|tool_call>' }, `call:${part.name}`, ...gemmaValue(part.input), { control: '<tool_call|>' }]
  })
}

function gemmaValue(value: JsonValue): Piece[] {
  if (typeof value === 'string') return [QUOTE, value, QUOTE]
  if (Array.isArray(value)) return ['[', ...value.flatMap((item, i) => [...(i ? [','] : []), ...gemmaValue(item)]), ']']
  if (typeof value !== 'object' || value === null) return [`${value}`]
  const keys = Object.keys(value).sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1))
  const fields = keys.flatMap((key, i) => [
    i ? ',' : '',
    key,
    ':',
    ...gemmaValue((value as JsonObject)[key] as JsonValue),
  ])
  return ['{', ...fields, '}']
}

/** An answer as Llama 3 generates it. */
export function speakLlama3(parts: Part[]): Piece[] {
  const calls = parts.filter((part) => part.type === 'tool_call')
  const texts = parts.filter((part) => part.type === 'text').map((part) => part.text)
  return [
    ...texts,
    calls.map(({ name, input }) => `{"name": "${name}", "parameters": ${llamaValue(input)}}`).join('; '),
  ]
}

function llamaValue(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(llamaValue).join(', ')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([key, inner]) => `${JSON.stringify(key)}: ${llamaValue(inner)}`)
    .join(', ')}}`
}
