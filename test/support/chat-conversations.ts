/** Random conversations between a client and a model, from a seed. */
import type { Chat, ChatMessage, ChatPart, ChatTool, JsonObject, JsonValue, Part } from '../../src/chat/types.js'
import type { Random } from './chat-random.js'

export const TOOLS: ChatTool[] = [
  {
    name: 'Bash',
    description: 'Runs a command.\nSays <|turn> and <|eot_id|>.',
    schema: {
      $schema: 'http://json-schema.org/draft-07/schema#',
      type: 'object',
      properties: {
        command: { type: 'string', description: 'The command' },
        timeout: { type: 'number', description: 'Milliseconds', nullable: true },
        run_in_background: { type: 'boolean' },
      },
      required: ['command'],
      additionalProperties: false,
    },
  },
  {
    name: 'Grep',
    description: 'Searches.',
    schema: {
      type: 'object',
      properties: {
        pattern: { type: 'string' },
        '-n': { type: 'boolean', description: 'Line numbers' },
        output_mode: { type: 'string', enum: ['content', 'count'], description: '' },
        Zone: { type: 'string', enum: [] },
      },
      required: ['pattern'],
    },
  },
  {
    name: 'TodoWrite',
    description: 'Keeps a list.',
    schema: {
      type: 'object',
      properties: {
        todos: {
          type: 'array',
          description: 'All of them',
          items: {
            type: 'object',
            properties: {
              content: { type: 'string', minLength: 1 },
              status: { type: 'string', enum: ['open', 'done'] },
            },
            required: ['content', 'status'],
            additionalProperties: false,
          },
        },
        tags: { type: 'array', items: { type: 'string', enum: ['a', 'b'] } },
        mixed: { type: 'array', items: { type: ['string', 'null'], default: { deep: 1 } } },
        options: {
          type: 'object',
          description: 'Nested',
          properties: { depth: { type: 'integer', default: 3 } },
          required: ['depth'],
        },
        free: { type: 'object', extra: { type: 'string' } },
        maybe: { type: ['string', 'null'], description: 'Two types' },
        anything: { description: 'No type' },
      },
    },
  },
  { name: 'ListFiles', description: 'Takes nothing.', schema: { type: 'object', properties: {} } },
]

const SENTENCES = [
  'I will look.',
  'Done.',
  'Read the file,\nthen run it.',
  'naïve 🙂 text',
  '`code` and "quotes"',
  "it's 3 < 4",
  'a\n\nb',
]
const STRINGS = [
  'ls -la',
  "echo 'a; b'",
  'x\ny',
  '',
  'C:\\dir',
  '{"a": 1}',
  '<|"|>',
  '}<tool_call|>',
  'tab\there',
  '🙂',
  '"q"',
]

export function sentence(random: Random): string {
  return random.pick(SENTENCES)
}

/** A value that every family can write and read back. */
function value(random: Random, depth: number): JsonValue {
  const kind = random.below(depth > 2 ? 5 : 8)
  if (kind < 3) return random.pick(STRINGS)
  if (kind === 3) return random.pick([0, 1, -7, 2.5, 120000])
  if (kind === 4) return random.pick([true, false, null])
  if (kind === 5) return Array.from({ length: random.below(3) }, () => value(random, depth + 1))
  return input(random, depth + 1)
}

function input(random: Random, depth: number): JsonObject {
  const keys = ['command', 'file_path', '-n', 'Zone', 'content', 'été'].filter(() => random.chance(0.3))
  return Object.fromEntries(keys.map((key) => [key, value(random, depth)]))
}

/** A model's answer: thoughts and text, then calls. */
export function answer(random: Random, thinking: boolean): Part[] {
  const parts: Part[] = []
  if (thinking && random.chance(0.6)) parts.push({ type: 'thinking', text: sentence(random) })
  const calls = random.chance(0.6) ? 1 + random.below(3) : 0
  if (calls === 0 || random.chance(0.5))
    parts.push({ type: 'text', text: sentence(random) + random.pick(['', '\n', ' ', '\n\n']) })
  for (let i = 0; i < calls; i += 1) {
    parts.push({ type: 'tool_call', name: random.pick(TOOLS).name, input: input(random, 0) })
  }
  return parts
}

/** An answer as the client sends it back: calls get ids. */
export function toMessage(parts: Part[], ids: () => string): ChatMessage {
  return { role: 'assistant', parts: parts.map((part) => (part.type === 'tool_call' ? { ...part, id: ids() } : part)) }
}

/** The client's next messages: results in any order, text, system messages. */
export function reply(random: Random, last: ChatMessage): ChatMessage[] {
  const calls = last.parts.filter((part) => part.type === 'tool_call')
  const results: ChatPart[] = calls.map(({ id }) => ({
    type: 'tool_result',
    id,
    text: random.pick([...STRINGS, 'Exit code 2\nls: no such file']),
    isError: random.chance(0.2),
  }))
  for (let i = results.length - 1; i > 0; i -= 1) results.push(...results.splice(random.below(i + 1), 1))
  const text: ChatPart[] = results.length === 0 || random.chance(0.2) ? [{ type: 'text', text: sentence(random) }] : []
  if (text.length > 0 && random.chance(0.2)) text.push({ type: 'text', text: '[Request interrupted by user]' })
  const system: ChatMessage[] = random.chance(0.2)
    ? [{ role: 'system', parts: [{ type: 'text', text: sentence(random) }] }]
    : []
  return [{ role: 'user', parts: [...results, ...text] }, ...system]
}

export function opening(random: Random): Chat {
  const messages: ChatMessage[] = []
  if (random.chance(0.7)) messages.push({ role: 'system', parts: [{ type: 'text', text: ` ${sentence(random)}\n` }] })
  messages.push({ role: 'user', parts: [{ type: 'text', text: sentence(random) }] })
  if (random.chance(0.4)) messages.push({ role: 'system', parts: [{ type: 'text', text: 'The date is known.' }] })
  return { messages, tools: random.chance(0.7) ? TOOLS : [], thinking: random.chance(0.5) }
}
