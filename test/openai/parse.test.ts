/** Requests of OpenAI's to turns: what is read, what is named as without effect, and what is refused. */
import { readFileSync } from 'node:fs'
import { describe, expect, it, test } from 'vitest'
import type { ChatMessage } from '../../src/chat/types.js'
import { FIELDS as chatFields, parseChat } from '../../src/openai/chat/parse.js'
import { parseCompletion, FIELDS as rawFields } from '../../src/openai/completions/parse.js'
import { parseResponse, FIELDS as responseFields } from '../../src/openai/responses/parse.js'
import { createResponseStore, packed } from '../../src/openai/responses/store.js'
import type { ResponseEcho } from '../../src/openai/responses/types.js'

const text = (text: string) => ({ type: 'text', text })
const ask = { model: 'm', messages: [{ role: 'user', content: 'hi' }] }
const READ = { type: 'function', function: { name: 'Read', description: 'reads', parameters: { type: 'object' } } }
const LIST = { type: 'function', function: { name: 'List' } }
const store = createResponseStore()
const respond = (fields: object) => parseResponse({ model: 'm', input: 'hi', ...fields }, store)
const PNG = `data:image/png;base64,${'A'.repeat(16_000)}`

describe('a chat completion', () => {
  const chat = (fields: object) => parseChat({ ...ask, ...fields })
  const messages = (list: object[]) => chat({ messages: list }).chat.messages

  it('is a turn', () => {
    const turn = chat({
      stream: true,
      temperature: 0.5,
      top_p: 0.9,
      seed: 7,
      max_tokens: 5,
      stop: ['a', 'b'],
      tools: [READ],
    })
    expect(turn).toEqual({
      model: 'm',
      stream: true,
      chat: {
        messages: [{ role: 'user', parts: [text('hi')] }],
        tools: [{ name: 'Read', description: 'reads', schema: { type: 'object' } }],
        thinking: false,
      },
      toolChoice: { type: 'auto' },
      parallelCalls: true,
      maxTokens: 5,
      stopSequences: ['a', 'b'],
      sampling: { temperature: 0.5, topP: 0.9, seed: 7 },
      callIdPrefix: 'call_',
      echo: { usage: false },
    })
    expect(structuredClone(turn)).toEqual(turn)
  })

  it('has messages of every role, joined as the model reads them', () => {
    const call = (id: string, args: string) => ({ id, type: 'function', function: { name: 'Read', arguments: args } })
    const said = messages([
      { role: 'system', content: 'a' },
      { role: 'developer', content: [text('b'), text('c')] },
      { role: 'user', content: 'go' },
      { role: 'assistant', content: null, reasoning_content: 'hm', tool_calls: [call('1', '{"x":1}'), call('2', '')] },
      { role: 'tool', tool_call_id: '1', content: 'one' },
      { role: 'tool', tool_call_id: '2', content: [text('two'), text('three')] },
      { role: 'user', content: 'and?' },
    ])
    expect(said).toEqual([
      { role: 'system', parts: [text('a\nb\nc')] },
      { role: 'user', parts: [text('go')] },
      {
        role: 'assistant',
        parts: [
          { type: 'thinking', text: 'hm' },
          { type: 'tool_call', id: '1', name: 'Read', input: { x: 1 } },
          { type: 'tool_call', id: '2', name: 'Read', input: {} },
        ],
      },
      {
        role: 'user',
        parts: [
          { type: 'tool_result', id: '1', text: 'one' },
          { type: 'tool_result', id: '2', text: 'two\nthree' },
          text('and?'),
        ],
      },
    ])
  })

  test.each([
    [{ type: 'image_url', image_url: { url: PNG } }, '[image/png image, 12 kB: this model cannot see images]'],
    [{ type: 'image_url', image_url: 'http://x/y.png' }, '[image "http://x/y.png": this model cannot see images]'],
    [
      { type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } },
      '[wav audio, 1 kB: this model cannot read audio blocks]',
    ],
    [{ type: 'file', file: { file_id: 'f' } }, '[file "f": this model cannot read file blocks]'],
    [{ type: 'refusal', refusal: 'no' }, 'no'],
  ])('with %j reaches the model as text', (part, words) => {
    expect(messages([{ role: 'user', content: [part] }])).toEqual([{ role: 'user', parts: [text(words)] }])
  })

  it('keeps what an answer says in another field than its content', () => {
    const empty = { function_call: null, audio: null, tool_calls: null }
    const answer = { role: 'assistant', content: null, refusal: 'I will not.', ...empty }
    expect(messages([answer])).toEqual([{ role: 'assistant', parts: [text('I will not.')] }])
    expect(messages([{ ...answer, refusal: null, content: 'Yes.' }])).toEqual([
      { role: 'assistant', parts: [text('Yes.')] },
    ])
  })

  test.each<[object, object]>([
    [{ tool_choice: 'none' }, { toolChoice: { type: 'none' } }],
    [{ tool_choice: 'required' }, { toolChoice: { type: 'any' } }],
    [{ tool_choice: { type: 'function', function: { name: 'List' } } }, { toolChoice: { type: 'tool', name: 'List' } }],
    [
      { tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [LIST] } } },
      { toolChoice: { type: 'any' }, chat: { tools: [{ name: 'List', schema: { type: 'object', properties: {} } }] } },
    ],
    [{ parallel_tool_calls: false }, { parallelCalls: false }],
    [{ reasoning_effort: 'high' }, { chat: { thinking: true } }],
    [{ reasoning_effort: 'none' }, { chat: { thinking: false } }],
    [{ max_tokens: 3, max_completion_tokens: 4 }, { maxTokens: 4 }],
    [{ stop: 'x' }, { stopSequences: ['x'] }],
    [{ stream: true, stream_options: { include_usage: true } }, { echo: { usage: true } }],
    [{ top_k: 3, min_p: 0.1, repetition_penalty: 1.1 }, { sampling: { topK: 3, minP: 0.1, repetitionPenalty: 1.1 } }],
    [
      { tools: [READ, { type: 'web_search' }] },
      { ignoredTools: ['web_search'], ignoredFields: ['a tool of type web_search'] },
    ],
    [
      Object.fromEntries(['max_tokens', 'stop', 'tools', 'seed', 'n', 'response_format'].map((key) => [key, null])),
      { stopSequences: [] },
    ],
  ])('with %j is so answered', (fields, turn) => {
    expect(chat({ tools: [READ, LIST], ...fields })).toMatchObject(turn)
  })

  it('may list a tool twice, as in the API of OpenAI', () => {
    expect(chat({ tools: [READ, LIST, READ] }).chat.tools.map(({ name }) => name)).toEqual(['Read', 'List'])
  })

  test.each([
    [{ type: 'json_object' }, '{"type":"object"}'],
    [{ type: 'json_schema', json_schema: { name: 'n', schema: { type: 'array' } } }, '{"type":"array"}'],
    [{ type: 'json_schema', json_schema: { name: 'n' } }, '{}'],
  ])('with the format %j tells the model so', (response_format, schema) => {
    const [message] = chat({ response_format }).chat.messages
    expect(message?.parts.at(-1)).toEqual({ type: 'text', text: expect.stringMatching(/^Answer with one JSON value/) })
    expect(JSON.stringify(message?.parts.at(-1))).toContain(JSON.stringify(`\n${schema}`).slice(1, -1))
    expect(chat({ response_format: { type: 'text' } })).toEqual(chat({}))
  })

  test.each<[object, string[] | undefined]>([
    [{ frequency_penalty: 0, presence_penalty: 0, logit_bias: {}, logprobs: false, modalities: ['text'] }, undefined],
    [{ user: 'u', metadata: {}, store: false, service_tier: 'auto', n: 1, prompt_cache_key: 'k' }, undefined],
    [
      { frequency_penalty: 1, logit_bias: { 5: 1 }, logprobs: true, top_logprobs: 2 },
      ['frequency_penalty', 'logit_bias', 'logprobs', 'top_logprobs'],
    ],
    [{ store: true, modalities: ['audio'], service_tier: 'flex' }, ['store', 'modalities', 'service_tier']],
    [
      JSON.parse('{"made_up": 1, "nothing": null, "__proto__": {"a": 1}, "constructor": 2}'),
      ['made_up', '__proto__', 'constructor'],
    ],
    [
      Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`f${i}`, 1])),
      Array.from({ length: 50 }, (_, i) => `f${i}`),
    ],
  ])('with %j names what has no effect', (fields, ignored) => {
    // As JSON has it: a spread would take __proto__ for a prototype.
    const body = JSON.parse(`${JSON.stringify(ask).slice(0, -1)},${JSON.stringify(fields).slice(1)}`)
    expect(parseChat(body).ignoredFields).toEqual(ignored)
  })

  const user = (content: unknown) => ({ messages: [{ role: 'user', content }] })
  const called = (fields: object) => ({
    messages: [
      {
        role: 'assistant',
        tool_calls: [{ id: '1', type: 'function', function: { name: 'a', arguments: '{}' }, ...fields }],
      },
    ],
  })
  test.each<[object, string]>([
    [{ model: undefined }, 'model: Field required'],
    [{ model: 'x'.repeat(501) }, 'model: String should have at most 500 characters'],
    [{ messages: undefined }, 'messages: Field required'],
    [{ messages: [] }, 'messages: at least one message is required'],
    [{ messages: [{ content: 'x' }] }, 'messages[0].role: Field required'],
    [{ messages: [{ role: 'function', name: 'f', content: 'x' }] }, "messages[0].role: Input should be 'developer'"],
    [{ messages: [{ role: 'tool', content: 'x' }] }, 'messages[0].tool_call_id: Field required'],
    [
      { messages: [{ role: 'assistant', function_call: { name: 'f', arguments: '{}' } }] },
      'messages[0].function_call: calls of functions are read as tool_calls',
    ],
    [{ messages: [{ role: 'assistant', audio: { id: 'a' } }] }, 'messages[0].audio: sounds are not kept here'],
    [{ messages: [{ role: 'assistant', refusal: 5 }] }, 'messages[0].refusal: Input should be a string'],
    [
      user([{ type: 'input_audio', input_audio: { data: 'AA', format: 1 } }]),
      'messages[0].content[0].input_audio.format: Input should be a string',
    ],
    [user(undefined), 'messages[0].content: Field required'],
    [user(5), 'messages[0].content: Input should be a string or a list'],
    [user([{ type: 'video' }]), 'messages[0].content[0].type: no content of the type "video" is known'],
    [user([{ type: 'image_url' }]), 'messages[0].content[0].image_url: Field required'],
    [user([{ type: 'image_url', image_url: {} }]), 'messages[0].content[0].image_url.url: Field required'],
    [user([{ type: 'file', file: {} }]), 'messages[0].content[0].file: file_data, file_id or file_url is required'],
    [called({ id: '' }), 'messages[0].tool_calls[0].id: String should have at least 1 character'],
    [
      called({ function: { name: 'a', arguments: '{' } }),
      'messages[0].tool_calls[0].function.arguments: Input should be JSON (',
    ],
    [
      called({ function: { name: 'a', arguments: '[1]' } }),
      'messages[0].tool_calls[0].function.arguments: Input should be the JSON of an object',
    ],
    [
      called({ function: { name: 'a', arguments: `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}` } }),
      'messages[0].tool_calls[0].function.arguments: Input is nested too deeply',
    ],
    [{ n: 2 }, 'n: Input should be 1'],
    [{ max_tokens: 0 }, 'max_tokens: Input should be greater than or equal to 1'],
    [{ max_completion_tokens: 1.5 }, 'max_completion_tokens: Input should be a valid integer'],
    [{ temperature: 3 }, 'temperature: Input should be a number between 0 and 2'],
    [{ frequency_penalty: 3 }, 'frequency_penalty: Input should be a number between -2 and 2'],
    [{ stop: [''] }, 'stop[0]: String should have at least 1 character'],
    [{ stream: 'yes' }, 'stream: Input should be a valid boolean'],
    [{ stream_options: [] }, 'stream_options: Input should be an object'],
    [{ tools: {} }, 'tools: Input should be a list'],
    [{ tools: [{ function: { name: 'a' } }] }, 'tools[0].type: Field required'],
    [{ tools: [{ type: 'function', function: {} }] }, 'tools[0].function.name: Field required'],
    [
      { tools: [{ type: 'function', function: { name: 'a', description: 5 } }] },
      'tools[0].function.description: Input should be a string',
    ],
    [
      { tools: [{ type: 'function', function: { name: 'a', parameters: [] } }] },
      'tools[0].function.parameters: Input should be an object',
    ],
    [
      { tools: [READ, LIST, { type: 'function', function: { name: 'Read' } }] },
      'tools[2]: an earlier tool has the name Read',
    ],
    [{ tool_choice: 'any' }, "tool_choice: Input should be 'none', 'auto' or 'required'"],
    [{ tool_choice: 'required' }, 'tool_choice: the request has no function that could be called'],
    [{ tool_choice: { type: 'function', function: { name: 'a' } } }, 'tool_choice: no tool named a in tools'],
    [
      { tool_choice: { type: 'web_search' } },
      "tool_choice.type: Input should be 'function', 'custom' or 'allowed_tools'",
    ],
    [
      { response_format: { type: 'grammar' } },
      "response_format.type: Input should be 'text', 'json_object' or 'json_schema'",
    ],
    [
      { response_format: { type: 'json_schema', json_schema: { schema: { type: {} } } } },
      'response_format.json_schema.schema.type: Input should be a string',
    ],
    [{ metadata: { a: 1 } }, 'metadata.a: Input should be a string'],
  ])('with %j is refused', (fields, message) => {
    expect(() => chat(fields)).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        message: expect.stringContaining(message),
        field: message.split(': ')[0],
      }),
    )
  })
})

describe('a request of any size', () => {
  const many = <T>(one: T): T[] => Array.from({ length: 200_000 }, () => one)
  const call = { id: '1', type: 'function', function: { name: 'a', arguments: '{}' } }
  const item = { type: 'function_call', call_id: '1', name: 'a', arguments: '{}' }

  // Arguments of a function are bounded by the stack; texts that are joined one by one take minutes.
  test.each<[string, () => unknown]>([
    ['messages', () => parseChat({ ...ask, messages: many(ask.messages[0]) })],
    ['parts', () => parseChat({ ...ask, messages: [{ role: 'user', content: many(text('a')) }] })],
    ['parts of an answer', () => parseChat({ ...ask, messages: [{ role: 'assistant', content: many(text('a')) }] })],
    ['calls', () => parseChat({ ...ask, messages: [{ role: 'assistant', tool_calls: many(call) }] })],
    ['tools', () => parseChat({ ...ask, tools: many(READ) })],
    ['items', () => respond({ input: many(item) })],
    ['tokens', () => parseCompletion({ model: 'm', prompt: many(1) })],
  ])('may have 200,000 %s', (_, parse) => {
    expect(parse()).toBeTruthy()
  })

  it('may have as many stops as are searched for together, and no more', () => {
    expect(parseChat({ ...ask, stop: many('a').slice(0, 65_536) }).stopSequences).toHaveLength(65_536)
    expect(() => parseChat({ ...ask, stop: many('a') })).toThrow('stop: at most 65536 characters together, not 200000')
  })

  it('repeats no field of a response that is very long', () => {
    const long = 'x'.repeat(300_000)
    const tools = [{ type: 'function', name: 'a', description: long, parameters: { type: 'object' } }]
    const fields = {
      instructions: long,
      tools,
      metadata: { a: long },
      user: long,
      reasoning: { a: long },
      text: { a: long },
    }
    const { repeated } = respond(fields).turn.echo as ResponseEcho
    expect(JSON.stringify(repeated).length).toBeLessThan(2000)
    const nothing = { instructions: null, tools: [], metadata: {}, user: null, text: { format: { type: 'text' } } }
    expect(repeated).toMatchObject(nothing)
    expect(respond({ tools: [{ ...tools[0], description: 'x' }] }).turn.echo).toMatchObject({
      repeated: { tools: [{ name: 'a', description: 'x' }] },
    })
  })

  it('names few of the tools that cannot run, briefly', () => {
    const tools = Array.from({ length: 1000 }, (_, i) => ({ type: `${i}${'x'.repeat(10_000)}` }))
    const { ignoredTools, ignoredFields } = parseChat({ ...ask, tools })
    expect(ignoredTools).toHaveLength(20)
    expect(ignoredFields?.join().length).toBeLessThan(3000)
  })
})

describe('docs/openai.md', () => {
  test.each(Object.entries({ chatFields, responseFields, rawFields }))('names what has no effect of %s', (_, table) => {
    const page = readFileSync('docs/openai.md', 'utf8')
    const named = Object.entries(table).filter(([, { isIgnored }]) => isIgnored(['audio']))
    expect(named.length).toBeGreaterThan(3)
    expect(named.map(([name]) => name).filter((name) => !page.includes(`\`${name}\``))).toEqual([])
  })
})

describe('a response', () => {
  it('has no two tools that the model would know by one name', () => {
    const read = { type: 'function', name: 'files__read', parameters: { type: 'object' } }
    const inner = { type: 'function', name: 'read', description: 'reads' }
    const files = { type: 'namespace', name: 'files', tools: [inner] }
    expect(() => respond({ tools: [read, files] })).toThrow('tools[1]: an earlier tool has the name files__read')
    const custom = { type: 'custom', name: 'files__read' }
    expect(() => respond({ tools: [read, custom] })).toThrow('tools[1]: an earlier tool has the name files__read')
  })

  it('has items of every kind', () => {
    const { turn } = respond({
      instructions: 'be brief',
      input: [
        { role: 'developer', content: 'and kind' },
        {
          type: 'message',
          role: 'user',
          content: [
            { type: 'input_text', text: 'go' },
            { type: 'input_image', image_url: PNG },
          ],
        },
        {
          type: 'reasoning',
          summary: [{ type: 'summary_text', text: 'short' }],
          content: [{ type: 'reasoning_text', text: 'hm' }],
        },
        { type: 'function_call', call_id: '1', name: 'Read', arguments: '{"x":1}' },
        { type: 'function_call_output', call_id: '1', output: 'one' },
        { type: 'reasoning', summary: [{ type: 'summary_text', text: 'so' }], encrypted_content: 'x' },
        { role: 'assistant', content: [{ type: 'output_text', text: 'one it is' }] },
        { role: 'user', content: 'and?' },
      ],
    })
    expect(turn.chat.messages).toEqual([
      { role: 'system', parts: [text('be brief\nand kind')] },
      { role: 'user', parts: [text('go\n[image/png image, 12 kB: this model cannot see images]')] },
      {
        role: 'assistant',
        parts: [
          { type: 'thinking', text: 'hm' },
          { type: 'tool_call', id: '1', name: 'Read', input: { x: 1 } },
        ],
      },
      { role: 'user', parts: [{ type: 'tool_result', id: '1', text: 'one' }] },
      { role: 'assistant', parts: [{ type: 'thinking', text: 'so' }, text('one it is')] },
      { role: 'user', parts: [text('and?')] },
    ])
  })

  it('has tools in namespaces and tools that take a text, by the names that calls in its input have', () => {
    const spawn = { type: 'function', name: 'spawn', description: 's', parameters: { type: 'object' } }
    const patch = {
      type: 'custom',
      name: 'patch',
      description: 'p',
      format: { type: 'grammar', syntax: 'lark', definition: 'a: b' },
    }
    const { turn } = respond({
      tools: [
        patch,
        { type: 'namespace', name: 'agents', tools: [spawn, { type: 'custom', name: 'patch' }, { type: 'mcp' }] },
      ],
      tool_choice: { type: 'custom', name: 'patch' },
      input: [
        { type: 'function_call', call_id: '1', namespace: 'agents', name: 'spawn', arguments: '{}' },
        { type: 'custom_tool_call', call_id: '2', name: 'patch', input: '*** x' },
        { type: 'custom_tool_call_output', call_id: '2', output: 'done' },
      ],
    })
    const schema = { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] }
    expect(turn.chat.tools).toEqual([
      { name: 'patch', description: 'p\nThe input has to fit this grammar:\na: b', schema },
      { name: 'agents__spawn', description: 's', schema: { type: 'object' } },
      { name: 'agents__patch', description: '', schema },
    ])
    expect(turn.toolChoice).toEqual({ type: 'tool', name: 'patch' })
    expect(turn.chat.messages).toEqual([
      {
        role: 'assistant',
        parts: [
          { type: 'tool_call', id: '1', name: 'agents__spawn', input: {} },
          { type: 'tool_call', id: '2', name: 'patch', input: { input: '*** x' } },
        ],
      },
      { role: 'user', parts: [{ type: 'tool_result', id: '2', text: 'done' }] },
    ])
  })

  it('continues one that is kept, without its instructions', () => {
    const added = (messages: ChatMessage[]) => ({ said: [packed(messages)], response: new Uint8Array(0) })
    store.keep('resp_a', undefined, added(respond({ instructions: 'be brief' }).turn.chat.messages.slice(1)))
    store.keep('resp_b', 'resp_a', added([{ role: 'assistant', parts: [{ type: 'text', text: 'Hello' }] }]))
    const { turn } = respond({ input: 'more', previous_response_id: 'resp_b', instructions: 'be kind' })
    expect(turn.chat.messages).toEqual([
      { role: 'system', parts: [text('be kind')] },
      { role: 'user', parts: [text('hi')] },
      { role: 'assistant', parts: [text('Hello')] },
      { role: 'user', parts: [text('more')] },
    ])
  })

  test.each([
    [{ truncation: 'auto' }, 'truncate'],
    [{ truncation: 'disabled' }, 'error'],
    [{}, undefined],
  ])('with %j decides what happens to a prompt that is too long', (fields, onOverflow) => {
    expect(respond(fields).onOverflow).toBe(onOverflow)
  })

  test.each<[object, string[] | undefined]>([
    [
      { text: { verbosity: 'medium' }, reasoning: { effort: 'low' }, stream_options: { include_obfuscation: false } },
      undefined,
    ],
    [
      {
        text: { verbosity: 'low' },
        reasoning: { summary: 'auto' },
        include: ['reasoning.encrypted_content'],
        max_tool_calls: 1,
      },
      ['include', 'max_tool_calls', 'text.verbosity', 'reasoning.summary'],
    ],
    [{ tools: [{ type: 'mcp', server_url: 'x' }] }, ['a tool of type mcp']],
  ])('with %j names what has no effect', (fields, ignored) => {
    expect(respond(fields).turn.ignoredFields).toEqual(ignored)
  })

  test.each<[object, string]>([
    [{ input: undefined }, 'input: Field required'],
    [{ input: [] }, 'input: at least one item is required'],
    [{ input: [{ type: 'item_reference', id: 'x' }] }, 'input[0]: items are not kept by their ids'],
    [{ input: [{ type: 'web_search_call' }] }, "input[0].type: Input should be 'message', 'reasoning'"],
    [{ input: [{ type: 'function_call_output', output: 'x' }] }, 'input[0].call_id: Field required'],
    [{ input: [{ role: 'tool', content: 'x' }] }, "input[0].role: Input should be 'developer'"],
    [{ tools: [{ type: 'namespace', name: 'n' }] }, 'tools[0].tools: Input should be a list'],
    [
      { tools: [{ type: 'namespace', name: 'n', tools: [{ type: 'function' }] }] },
      'tools[0].tools[0].name: Field required',
    ],
    [{ tools: [{ type: 'custom' }] }, 'tools[0].name: Field required'],
    [{ previous_response_id: 'resp_x' }, 'previous_response_id: no response "resp_x" is kept'],
    [{ previous_response_id: 5 }, 'previous_response_id: Input should be a string'],
    [{ background: true }, 'background: Input should be false'],
    [{ conversation: 'conv_1' }, 'conversation: conversations are not kept here'],
    [{ prompt: { id: 'p' } }, 'prompt: prompts are not kept here'],
    [{ text: 'x' }, 'text: Input should be an object'],
    [{ text: { format: { type: 'json_schema' } } }, 'text.format.schema: Field required'],
    [{ truncation: 'some' }, "truncation: Input should be 'auto' or 'disabled'"],
    [{ max_output_tokens: 0 }, 'max_output_tokens: Input should be greater than or equal to 1'],
  ])('with %j is refused', (fields, message) => {
    expect(() => respond(fields)).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        message: expect.stringContaining(message),
        field: message.split(': ')[0],
      }),
    )
  })
})

describe('a completion', () => {
  const complete = (fields: object) => parseCompletion({ model: 'm', prompt: 'once', ...fields })

  test.each<[object, object]>([
    [{}, { prompt: 'once', maxTokens: 16, suffix: undefined, usage: true }],
    [{ prompt: ['once'] }, { prompt: 'once' }],
    [{ prompt: [1, 2] }, { prompt: [1, 2] }],
    [{ prompt: [[1, 2]] }, { prompt: [1, 2] }],
    [{ suffix: 'end', echo: false, best_of: 1 }, { suffix: 'end' }],
    [{ logprobs: 0, frequency_penalty: 1 }, { ignoredFields: ['logprobs', 'frequency_penalty'] }],
  ])('with %j is read', (fields, parsed) => {
    expect(complete(fields)).toMatchObject(parsed)
  })

  test.each<[object, string]>([
    [{ prompt: null }, 'prompt: Field required'],
    [{ prompt: [] }, 'prompt: at least one token is required'],
    [{ prompt: ['a', 'b'] }, 'prompt: Input should be one prompt'],
    [{ prompt: [[1], [2]] }, 'prompt: Input should be one prompt'],
    [{ prompt: [1, 1.5] }, 'prompt[1]: Input should be a token id'],
    [{ prompt: {} }, 'prompt: Input should be a string or a list'],
    [{ echo: true }, 'echo: Input should be false'],
    [{ best_of: 3 }, 'best_of: Input should be 1'],
    [{ suffix: 5 }, 'suffix: Input should be a string'],
  ])('with %j is refused', (fields, message) => {
    expect(() => complete(fields)).toThrow(
      expect.objectContaining({ code: 'invalid_request', message: expect.stringContaining(message) }),
    )
  })
})
