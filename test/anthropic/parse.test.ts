/** Requests of every shape are parsed; an invalid field is named. */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it, test } from 'vitest'
import { parseCountRequest, parseMessagesRequest } from '../../src/anthropic/parse.js'
import { toChat } from '../../src/anthropic/to-turn.js'
import { TetherError } from '../../src/errors.js'

const user = (content: unknown) => ({ role: 'user', content })
const ask = (fields: object = {}) => ({ model: 'm', max_tokens: 10, messages: [user('hi')], ...fields })
const parse = (fields?: object) => parseMessagesRequest(ask(fields))
const blocks = (content: unknown, role = 'user') => parse({ messages: [{ role, content }] }).messages[0]?.content
const tool = (name: string, more: object = {}) => ({ name, input_schema: { type: 'object' }, ...more })
const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth))

describe('a Messages request', () => {
  it('may have only model, max_tokens and one message', () => {
    expect(parse()).toEqual({
      model: 'm',
      messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }],
      system: [],
      tools: [],
      ignoredTools: [],
      toolChoice: { type: 'auto', disable_parallel_tool_use: false },
      maxTokens: 10,
      stream: false,
      stopSequences: [],
      thinking: false,
      temperature: undefined,
      topP: undefined,
      topK: undefined,
    })
  })

  it('has its sampling fields read', () => {
    expect(parse({ min_p: 0.05, repetition_penalty: 1.1, seed: 7 })).toMatchObject({
      minP: 0.05,
      repetitionPenalty: 1.1,
      seed: 7,
    })
    expect(parse({ temperature: 0, top_p: 0.5, top_k: 3, stop_sequences: ['x'], stream: true })).toMatchObject({
      temperature: 0,
      topP: 0.5,
      topK: 3,
      stopSequences: ['x'],
      stream: true,
    })
  })

  test.each([
    [undefined, false],
    [null, false],
    [{ type: 'disabled' }, false],
    [{ type: 'adaptive', display: 'omitted' }, true],
    [{ type: 'enabled', budget_tokens: 31999 }, true],
    [{ type: 'some-later-kind' }, true],
  ])('with thinking %j asks for thinking: %j', (thinking, expected) =>
    expect(parse({ thinking }).thinking).toBe(expected),
  )

  test.each([
    [{ type: 'enabled', budget_tokens: 31999 }, 31999],
    [{ type: 'enabled', budget_tokens: 1 }, 1],
    [{ type: 'enabled' }, undefined],
    [{ type: 'adaptive', budget_tokens: 5 }, undefined],
    [{ type: 'disabled' }, undefined],
    [undefined, undefined],
  ])('with thinking %j has the budget %j', (thinking, budget) =>
    expect(parse({ thinking }).thinkingBudget).toBe(budget),
  )

  test.each([0, -1, 1.5, '100'])('with a thinking budget of %j is rejected', (budget_tokens) => {
    expect(() => parse({ thinking: { type: 'enabled', budget_tokens } })).toThrow(/^thinking\.budget_tokens: /)
  })

  test.each([
    [undefined, { type: 'auto', disable_parallel_tool_use: false }],
    [null, { type: 'auto', disable_parallel_tool_use: false }],
    [{ type: 'none' }, { type: 'none', disable_parallel_tool_use: false }],
    [
      { type: 'any', disable_parallel_tool_use: true },
      { type: 'any', disable_parallel_tool_use: true },
    ],
    [
      { type: 'tool', name: 'Read' },
      { type: 'tool', name: 'Read', disable_parallel_tool_use: false },
    ],
  ])('may have the tool_choice %j', (tool_choice, expected) =>
    expect(parse({ tool_choice }).toolChoice).toEqual(expected),
  )

  test.each([
    [undefined, []],
    [null, []],
    ['', []],
    ['be brief', ['be brief']],
    [
      [
        { type: 'text', text: 'a', cache_control: { type: 'ephemeral' } },
        { type: 'text', text: 'b' },
      ],
      ['a', 'b'],
    ],
    ['x-anthropic-billing-header: cc_version=1;\nbe brief', ['be brief']],
    ['x-anthropic-billing-header: cc_version=1;', []],
    [
      [
        { type: 'text', text: 'x-anthropic-billing-header: v' },
        { type: 'text', text: 'b' },
      ],
      ['b'],
    ],
    ['<total_tokens>12 tokens left</total_tokens>', []],
  ])('may have the system prompt %j', (system, expected) =>
    expect(parse({ system }).system.map((b) => b.text)).toEqual(expected),
  )

  it('keeps its system messages in their place, without those that only count tokens', () => {
    const system = (content: unknown) => ({ role: 'system', content })
    const { messages } = parse({
      messages: [
        user('a'),
        system('env'),
        system('<total_tokens>5 tokens left</total_tokens>'),
        system([{ type: 'text', text: '<system-reminder>\n<total_tokens>5</total_tokens>\n</system-reminder>\n' }]),
        system([{ type: 'text', text: 'plan' }]),
      ],
    })
    expect(messages.map((m) => [m.role, m.content])).toEqual([
      ['user', [{ type: 'text', text: 'a' }]],
      ['system', [{ type: 'text', text: 'env' }]],
      ['system', [{ type: 'text', text: 'plan' }]],
    ])
    expect(blocks('<total_tokens>5</total_tokens>')).toHaveLength(1)
  })

  test.each([
    ['ok', [{ type: 'text', text: 'ok' }]],
    [[{ type: 'text', text: 'ok' }], [{ type: 'text', text: 'ok' }]],
    [undefined, []],
    [null, []],
    ['', []],
    [[], []],
    [[{ type: 'tool_reference', tool_name: 'Grep' }], [{ type: 'tool_reference', tool_name: 'Grep' }]],
    [
      [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } }],
      [{ type: 'other', kind: 'image', bytes: 3, mediaType: 'image/png' }],
    ],
  ])('may have the tool_result content %j', (content, expected) => {
    expect(blocks([{ type: 'tool_result', tool_use_id: 't', content }])).toEqual([
      { type: 'tool_result', tool_use_id: 't', content: expected, is_error: false },
    ])
  })

  it('keeps blocks of unknown types as other blocks', () => {
    expect(
      blocks([
        {
          type: 'document',
          title: 'a.pdf',
          source: { type: 'base64', media_type: 'application/pdf', data: 'AAAAAAAA' },
        },
        { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'plain' } },
        { type: 'container_upload', file_id: 'f' },
      ]),
    ).toEqual([
      { type: 'other', kind: 'document', bytes: 6, mediaType: 'application/pdf', name: 'a.pdf' },
      { type: 'text', text: 'plain' },
      { type: 'other', kind: 'container_upload', bytes: 0 },
    ])
  })

  it('keeps thinking and drops redacted thinking', () => {
    expect(
      blocks(
        [
          { type: 'thinking', thinking: 'hm' },
          { type: 'redacted_thinking', data: 'x' },
        ],
        'assistant',
      ),
    ).toEqual([{ type: 'thinking', thinking: 'hm', signature: '' }])
  })

  it('drops server tools and keeps all other tools', () => {
    const tools = [
      { type: 'web_search_20250305', name: 'web_search', max_uses: 8 },
      { name: 'Read', input_schema: { type: 'object' } },
      { type: 'custom', name: 'Grep', description: 'find', input_schema: {}, defer_loading: true, cache_control: {} },
    ]
    expect(parse({ tools }).tools).toEqual([
      { name: 'Read', description: '', input_schema: { type: 'object' }, defer_loading: false },
      { name: 'Grep', description: 'find', input_schema: {}, defer_loading: true },
    ])
  })

  it('needs no max_tokens for counting', () => {
    expect(parseCountRequest({ model: 'm', messages: [user('hi')] }).maxTokens).toBeUndefined()
  })
})

test.each([
  [{ messages: [] }, 'messages: at least one'],
  [{ messages: undefined }, 'messages: Field required'],
  [{ messages: 'hi' }, 'messages: Input should be a list'],
  [{ messages: [null] }, 'messages.0: Input should be an object'],
  [{ messages: [{ content: 'x' }] }, 'messages.0.role: Field required'],
  [{ messages: [{ role: 'tool', content: 'x' }] }, 'messages.0.role: Input should be'],
  [{ messages: [{ role: 'user' }] }, 'messages.0.content: Field required'],
  [{ messages: [user(3)] }, 'messages.0.content: Input should be a string or a list'],
  [{ messages: [user(['x'])] }, 'messages.0.content.0: Input should be an object'],
  [{ messages: [user([{ text: 'x' }])] }, 'messages.0.content.0.type: Field required'],
  [{ messages: [user([{ type: 'text' }])] }, 'messages.0.content.0.text: Field required'],
  [
    { messages: [user([{ type: 'text', text: 'a' }, { type: 'tool_result' }])] },
    'messages.0.content.1.tool_use_id: Field required',
  ],
  [
    { messages: [{ role: 'assistant', content: [{ type: 'tool_use', name: 'x', input: {} }] }] },
    'messages.0.content.0.id: Field required',
  ],
  [
    { messages: [{ role: 'assistant', content: [{ type: 'tool_use', id: 'x', input: {} }] }] },
    'messages.0.content.0.name: Field required',
  ],
  [
    { messages: [{ role: 'assistant', content: [{ type: 'tool_use', id: 'x', name: 'x', input: 'y' }] }] },
    'messages.0.content.0.input: Input should be an object',
  ],
  ...(
    [
      [{ type: 'image' }, 'source: Field required'],
      [{ type: 'document', source: null }, 'source: Field required'],
      [{ type: 'image', source: 'x' }, 'source: Input should be an object'],
      [{ type: 'image', source: {} }, 'source.type: Field required'],
      [{ type: 'image', source: { type: 'base64', data: 'AAAA' } }, 'source.media_type: Field required'],
      [{ type: 'image', source: { type: 'base64', media_type: 'image/png' } }, 'source.data: Field required'],
      [{ type: 'image', source: { type: 'url', url: 5 } }, 'source.url: Input should be a string'],
      [{ type: 'document', source: { type: 'file' } }, 'source.file_id: Field required'],
      [{ type: 'document', source: { type: 'text' } }, 'source.data: Field required'],
      [{ type: 'document', title: 5, source: { type: 'text', data: 'x' } }, 'title: Input should be a string'],
      [
        { type: 'document', context: [], source: { type: 'content', content: [] } },
        'context: Input should be a string',
      ],
      [{ type: 'thinking', thinking: 5 }, 'thinking: Input should be a string'],
      [{ type: 'thinking', thinking: 'x', signature: {} }, 'signature: Input should be a string'],
    ] as [object, string][]
  ).map(([block, what]): [object, string] => [
    { messages: [{ role: 'user', content: [block] }] },
    `messages.0.content.0.${what}`,
  ]),
  [{ max_tokens: undefined }, 'max_tokens: Field required'],
  [{ max_tokens: 0 }, 'max_tokens: Input should be greater than or equal to 1'],
  [{ max_tokens: -1 }, 'max_tokens: Input should be greater than or equal to 1'],
  [{ max_tokens: 1.5 }, 'max_tokens: Input should be a valid integer'],
  [{ max_tokens: '5' }, 'max_tokens: Input should be a valid integer'],
  [{ model: 3 }, 'model: Input should be a string'],
  [{ system: 3 }, 'system: Input should be a string or a list'],
  [{ system: [{ type: 'image' }] }, "system.0.type: Input should be 'text'"],
  [{ tools: [{ name: 'Read' }] }, 'tools.0.input_schema: Field required'],
  [{ tools: [{ input_schema: {} }] }, 'tools.0.name: Field required'],
  [{ tools: [{ name: 'a', description: ['b'], input_schema: {} }] }, 'tools.0.description: Input should be a string'],
  [
    { tools: [{ name: 'a', defer_loading: 'yes', input_schema: {} }] },
    'tools.0.defer_loading: Input should be a valid',
  ],
  [{ tools: [tool('a'), tool('b'), tool('a', { description: 'another' })] }, 'tools: Tool names must be unique.'],
  [{ tools: [tool('a', { defer_loading: true }), tool('a')] }, 'tools: Tool names must be unique.'],
  [{ tools: [{ type: 'bash_20250124', name: 'bash' }, tool('bash')] }, 'tools: Tool names must be unique.'],
  [{ tools: [{ type: 'web_search_20250305', name: 'find' }, tool('find')] }, 'tools: Tool names must be unique.'],
  [{ tool_choice: { type: 'some' } }, 'tool_choice.type: Input should be'],
  [{ tool_choice: { type: 'tool' } }, 'tool_choice.name: Field required'],
  [{ thinking: true }, 'thinking: Input should be an object'],
  [{ temperature: 'hot' }, 'temperature: Input should be a number between 0 and 2'],
  [{ temperature: Number.NaN }, 'temperature: Input should be a number between 0 and 2'],
  [{ top_p: 2 }, 'top_p: Input should be a number between 0 and 1'],
  [{ top_k: -1 }, 'top_k: Input should be a whole number between 0 and 2147483647'],
  [{ top_k: 2 ** 31 }, 'top_k: Input should be a whole number'],
  [{ min_p: 1.5 }, 'min_p: Input should be a number between 0 and 1'],
  [{ repetition_penalty: 0 }, 'repetition_penalty: Input should be a number between 0.01 and 10'],
  [{ seed: 0.5 }, 'seed: Input should be a whole number'],
  [{ stop_sequences: [''] }, 'stop_sequences.0: String should have at least 1 character'],
  [{ stream: 'yes' }, 'stream: Input should be a valid boolean'],
  [{ metadata: nested(20_000) }, 'body: Input is nested deeper than'],
])('wrong request %# is rejected with the name of the field', (fields, message) => {
  expect(() => parse(fields)).toThrow(TetherError)
  expect(() => parse(fields)).toThrow(message)
})

test('tools of equal names are rejected where tokens are counted, too, in the words of the API', () => {
  const count = () => parseCountRequest({ model: 'm', messages: [user('hi')], tools: [tool('a'), tool('a')] })
  expect(count).toThrow(expect.objectContaining({ message: 'tools: Tool names must be unique.' }))
})

test('the model may be unnamed, except over the wire', () => {
  expect(parse({ model: undefined }).model).toBeUndefined()
  for (const parsed of [parseMessagesRequest, parseCountRequest]) {
    expect(() => parsed(ask({ model: undefined }), { modelRequired: true })).toThrow('model: Field required')
    expect(() => parsed(ask(), { modelRequired: true })).not.toThrow()
  }
})

test.each([null, [], 'x', 3, undefined])('%j is rejected: it is not an object', (body) => {
  expect(() => parseMessagesRequest(body)).toThrow('body: Input should be an object')
})

const RECORDINGS = new URL('../../../shared/recordings/notes.jsonl', import.meta.url)

test.runIf(existsSync(RECORDINGS))('recorded requests of Claude Code are read completely', () => {
  for (const line of readFileSync(RECORDINGS, 'utf8').trim().split('\n')) {
    const body = JSON.parse(line)
    const chat = toChat(parseMessagesRequest(body))
    expect(chat.tools).toHaveLength(body.tools.length - 1)
    expect(chat.messages[0]?.role).toBe('system')
    expect(JSON.stringify(chat)).not.toContain('x-anthropic-billing-header')
    const calls = (type: string) => chat.messages.flatMap((m) => m.parts).filter((p) => p.type === type).length
    const sent = (type: string) =>
      body.messages
        .flatMap((m: { content: unknown }) => (Array.isArray(m.content) ? m.content : []))
        .filter((block: { type: string }) => block.type === type).length
    expect(calls('tool_call')).toBe(sent('tool_use'))
    expect(calls('tool_result')).toBe(sent('tool_result'))
  }
})
