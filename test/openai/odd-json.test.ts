/** Odd JSON at every place of a request, through the prompts of real families: 400 that names the field, or an answer. */
import { describe, expect, test } from 'vitest'
import { prepareBody as prepareMessages } from '../../src/anthropic/prepare.js'
import { chatFamily, FAMILIES } from '../../src/chat/families.js'
import { TetherError } from '../../src/errors.js'
import { chat } from '../../src/openai/chat/protocol.js'
import { completions } from '../../src/openai/completions/protocol.js'
import { faultAnswer } from '../../src/openai/errors.js'
import { createResponses } from '../../src/openai/responses/protocol.js'
import { createResponseStore, packed } from '../../src/openai/responses/store.js'
import { createTurnMemory } from '../../src/turn/turn-memory.js'
import type { Prompter } from '../../src/turn/types.js'
import { CHATML_TOKENS, HERMES } from '../support/chat-templates.js'
import { fakeTokenizer } from '../support/fake-tokenizer.js'

/** As JSON, so that names of prototypes are fields of their own. */
const ODD = [
  ...[
    'null',
    'true',
    '0',
    '-1',
    '1.5',
    '1e300',
    '""',
    '"constructor"',
    '"__proto__"',
    '[]',
    '[[]]',
    '[null]',
    '[{}]',
    '{}',
  ],
  ...['{"toString":"x"}', '{"__proto__":{"type":"text"}}', '{"type":"__proto__"}', '{"type":{"toString":1}}'],
  ...['{"constructor":null,"hasOwnProperty":1}', '["toString"]', '{"length":1e9}', '{"type":"text"}', '"\\ud800"'],
].map((text) => JSON.parse(text) as unknown)

const schema = {
  type: 'object',
  description: 'd',
  properties: {
    path: { type: ['string', 'null'], description: 'p', enum: ['a'], format: 'uri' },
    list: { type: 'array', items: { type: 'string', title: 't' }, default: ['x'], minItems: 1 },
    choice: { anyOf: [{ type: 'integer', minimum: 1 }, { $ref: '#/$defs/other' }] },
  },
  required: ['path'],
  additionalProperties: false,
  $defs: { other: { type: 'object', properties: { a: { const: 1 } }, required: ['a'] } },
}
const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: 'low' } }
const call = { id: 'call_1', type: 'function', function: { name: 'Read', arguments: '{"path":"a"}' } }
const shared = {
  model: 'm',
  stream: false,
  temperature: 1,
  top_p: 1,
  top_k: 1,
  min_p: 0.1,
  repetition_penalty: 1,
  seed: 1,
  user: 'u',
  metadata: { a: 'b' },
  service_tier: 'auto',
  made_up: { a: 1 },
}
const older = {
  n: 1,
  stop: ['x'],
  stream_options: { include_usage: true },
  frequency_penalty: 0,
  presence_penalty: 0,
  logit_bias: { 5: 1 },
  max_tokens: 5,
}

const store = createResponseStore()
store.keep('resp_1', undefined, {
  said: [packed([{ role: 'user', parts: [{ type: 'text', text: 'before' }] }])],
  response: new Uint8Array(0),
})

const routes = {
  chat: {
    prepare: chat.prepareBody,
    body: {
      ...shared,
      ...older,
      max_completion_tokens: 5,
      logprobs: false,
      top_logprobs: 0,
      modalities: ['text'],
      reasoning_effort: 'low',
      parallel_tool_calls: true,
      tool_choice: { type: 'function', function: { name: 'Read' } },
      response_format: { type: 'json_schema', json_schema: { name: 'n', strict: true, schema: { type: 'object' } } },
      tools: [
        { type: 'function', function: { name: 'Read', description: 'd', parameters: schema, strict: true } },
        { type: 'web_search' },
      ],
      messages: [
        { role: 'system', content: [{ type: 'text', text: 's' }] },
        { role: 'developer', content: 'd', name: 'n' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'u' },
            image,
            { type: 'input_audio', input_audio: { data: 'AA', format: 'wav' } },
            { type: 'file', file: { filename: 'f', file_data: 'AA' } },
          ],
        },
        { role: 'assistant', content: [{ type: 'refusal', refusal: 'r' }], reasoning_content: 't', tool_calls: [call] },
        { role: 'tool', tool_call_id: 'call_1', content: [{ type: 'text', text: 'x' }] },
      ],
    },
  },
  responses: {
    prepare: createResponses(store).prepareBody,
    body: {
      ...shared,
      instructions: 'i',
      previous_response_id: 'resp_1',
      max_output_tokens: 5,
      truncation: 'auto',
      store: true,
      parallel_tool_calls: true,
      reasoning: { effort: 'low', summary: 'auto' },
      text: { verbosity: 'low', format: { type: 'json_schema', name: 'n', schema: { type: 'object' } } },
      include: ['x'],
      top_logprobs: 0,
      background: false,
      tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'Read' }] },
      tools: [
        { type: 'function', name: 'Read', description: 'd', parameters: schema, strict: true },
        {
          type: 'custom',
          name: 'patch',
          description: 'd',
          format: { type: 'grammar', syntax: 'lark', definition: 'a' },
        },
        {
          type: 'namespace',
          name: 'n',
          description: 'd',
          tools: [{ type: 'function', name: 'f', parameters: { type: 'object' } }],
        },
      ],
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'u' },
            { type: 'input_image', image_url: 'http://x/y.png' },
            { type: 'input_file', file_id: 'f' },
          ],
        },
        {
          type: 'reasoning',
          id: 'rs_1',
          summary: [{ type: 'summary_text', text: 's' }],
          content: [{ type: 'reasoning_text', text: 't' }],
        },
        {
          type: 'message',
          role: 'assistant',
          content: [{ type: 'output_text', text: 'a', annotations: [] }],
          status: 'completed',
        },
        { type: 'function_call', call_id: 'call_1', name: 'Read', arguments: '{"path":"a"}' },
        { type: 'custom_tool_call', call_id: 'call_2', namespace: 'n', name: 'patch', input: 'x' },
        { type: 'function_call_output', call_id: 'call_1', output: [{ type: 'input_text', text: 'x' }] },
      ],
    },
  },
  completions: {
    prepare: completions.prepareBody,
    body: { ...shared, ...older, prompt: ['once'], suffix: '', echo: false, best_of: 1, logprobs: 0 },
  },
  // The same kinds of fields at the other door.
  messages: {
    prepare: prepareMessages,
    body: {
      model: 'm',
      max_tokens: 5,
      system: [{ type: 'text', text: 's' }],
      stop_sequences: ['x'],
      thinking: { type: 'enabled', budget_tokens: 1024 },
      output_config: { format: { type: 'json_schema', schema: { type: 'object' } } },
      tool_choice: { type: 'tool', name: 'Read' },
      tools: [{ name: 'Read', description: 'd', input_schema: schema }],
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'u' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA' } },
          ],
        },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 't', signature: 's' },
            { type: 'tool_use', id: '1', name: 'Read', input: { path: 'a' } },
          ],
        },
        {
          role: 'user',
          content: [{ type: 'tool_result', tool_use_id: '1', content: [{ type: 'text', text: 'x' }], is_error: false }],
        },
      ],
    },
  },
}

type Path = (string | number)[]

function pathsIn(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [at]
  const inner = Array.isArray(value) ? value.map((one, i) => [i, one] as const) : Object.entries(value)
  return [at, ...inner.flatMap(([key, one]) => pathsIn(one, [...at, key]))]
}

function replaced(body: unknown, path: Path, odd: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return odd
  const copy: Record<string | number, unknown> = Array.isArray(body) ? ([...body] as never) : { ...(body as object) }
  copy[key] = replaced(copy[key], rest, odd)
  return copy
}

const bytes = (body: unknown) => Buffer.from(JSON.stringify(body))

const template = { source: HERMES, path: 'chat_template.jinja', controls: CHATML_TOKENS, tokens: {} }
const renderers = {
  'Gemma 4': FAMILIES.gemma4,
  'Gemma 3': FAMILIES.gemma3,
  'Llama 3': FAMILIES.llama3,
  'a template with tools': chatFamily({ modelType: 'llama', has: () => false, template }).family,
}

/** Of these a template might make words. Once is enough for the others, which never get so far. */
const WORDLESS = ODD.filter((odd) => odd !== null && Object.hasOwn(odd as object, 'toString'))

describe.each(Object.entries(renderers))('odd JSON anywhere, through the prompts of %s', (name, family) => {
  const tried = name === 'Gemma 4' ? ODD : [...WORDLESS, [], {}, 5]
  if (!family) throw new Error('a family was renamed')
  // What comes before it is what may break: the fake tokenizer takes any text and any control token.
  const prompter: Prompter = {
    family,
    tokenizer: fakeTokenizer(),
    memory: createTurnMemory(),
    thinking: 'auto',
    window: 100_000,
  }

  test.each(Object.entries(routes))(
    'a request to %s is answered, or refused by the name of a field',
    (_, { prepare, body }) => {
      expect(prepare(prompter, bytes(body)).tokens.length).toBeGreaterThan(0)
      const wrong: string[] = []
      let refused = 0
      for (const path of pathsIn(body)) {
        for (const odd of tried) {
          const fault = faultOf(() => prepare(prompter, bytes(replaced(body, path, odd))))
          if (fault === undefined) continue
          refused++
          const isNamed = fault instanceof TetherError && fault.message.startsWith(`${fault.field}: `)
          if (!isNamed || faultAnswer(fault).status !== 400)
            wrong.push(`${path.join('.')} = ${JSON.stringify(odd)}: ${fault}`)
        }
      }
      expect(wrong).toEqual([])
      expect(refused).toBeGreaterThan(20)
    },
  )
})

function faultOf(act: () => unknown): unknown {
  try {
    act()
    return undefined
  } catch (error) {
    return error
  }
}
