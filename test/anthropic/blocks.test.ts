/** Blocks and tools beyond text: all that has words reaches the model in words, and nothing is dropped without a note. */
import { describe, expect, it } from 'vitest'
import { parseMessagesRequest } from '../../src/anthropic/parse.js'
import { toChat } from '../../src/anthropic/to-turn.js'
import { speaks } from '../support/fake-engine.js'
import { ask, serveFake } from '../support/fake-server.js'
import { until } from '../support/until.js'

const BASIC = { model: 'm', max_tokens: 1, messages: [{ role: 'user', content: 'hi' }] }
const chat = (fields: object) => toChat(parseMessagesRequest({ ...BASIC, ...fields }))
const text = (text: string) => ({ type: 'text', text })
const textOf = (block: object, role = 'user') =>
  chat({ messages: [{ role, content: [block] }] })
    .messages.flatMap(({ parts }) => parts.map((part) => ('text' in part ? part.text : '')))
    .join('|')
const WEATHER = { name: 'weather', description: 'Tells it.', input_schema: { type: 'object', properties: {} } }
const DECLARED =
  'Tool weather is now available:\n{"name":"weather","description":"Tells it.","input_schema":{"type":"object","properties":{}}}'

describe('a block with words', () => {
  it.each<[string, object, string]>([
    [
      'a search result',
      {
        type: 'search_result',
        source: 'https://a.example',
        title: 'On pears',
        content: [text('Pears are'), text('fruit.')],
      },
      '[search_result On pears https://a.example]\nPears are\nfruit.',
    ],
    [
      'a summary of a compaction',
      { type: 'compaction', content: 'They fixed the bug.' },
      '[compaction]\nThey fixed the bug.',
    ],
    [
      'what a web search found',
      {
        type: 'web_search_tool_result',
        tool_use_id: 'srv_1',
        content: [
          {
            type: 'web_search_result',
            title: 'Pears',
            url: 'https://a.example',
            encrypted_content: 'Eo8B',
            page_age: '2 days',
          },
        ],
      },
      '[web_search_tool_result]\nPears\nhttps://a.example\n2 days',
    ],
    [
      'a call of a server tool',
      { type: 'server_tool_use', id: 'srv_1', name: 'web_search', input: { query: 'pears' } },
      '[server_tool_use web_search]\n{"query":"pears"}',
    ],
    [
      'what code printed',
      {
        type: 'code_execution_tool_result',
        content: { type: 'code_execution_result', stdout: '42\n', stderr: '', return_code: 0 },
      },
      '[code_execution_tool_result]\n42\n\nreturn_code: 0',
    ],
    [
      'an error of a server tool',
      { type: 'web_fetch_tool_result', content: { type: 'web_fetch_tool_error', error_code: 'url_not_allowed' } },
      '[web_fetch_tool_result]\nurl_not_allowed',
    ],
    [
      'what an MCP server returned',
      { type: 'mcp_tool_result', tool_use_id: 'm1', is_error: false, content: [text('ok')] },
      '[mcp_tool_result]\nis_error: false\nok',
    ],
    ['a type that is not known yet', { type: 'novel', body: { chapters: ['One', 'Two'] } }, '[novel]\nOne\nTwo'],
    ['a document of text', { type: 'document', source: { type: 'text', data: 'Once.' } }, 'Once.'],
    [
      'the title of a document of text, and what is said of it',
      { type: 'document', title: 'Tales', context: 'Old ones.', source: { type: 'text', data: 'Once.' } },
      '[document Tales]\nOld ones.\nOnce.',
    ],
    [
      'what is said of a document of text',
      { type: 'document', title: null, context: 'Old ones.', source: { type: 'text', data: 'Once.' } },
      '[document]\nOld ones.\nOnce.',
    ],
    [
      'a document at an address',
      { type: 'document', title: 'Manual', source: { type: 'url', url: 'https://a.example/m.pdf' } },
      '[document "Manual": this model cannot read document blocks]',
    ],
    [
      'an image at an address',
      { type: 'image', source: { type: 'url', url: 'https://a.example/m.png' } },
      '[image "https://a.example/m.png": this model cannot see images]',
    ],
  ])('%s reaches the model', (_, block, words) => {
    expect(textOf(block)).toBe(words)
    expect(textOf(block, 'assistant')).toBe(words)
    const result = { type: 'tool_result', tool_use_id: '1', content: [block] }
    expect(textOf(result)).toBe(words)
  })

  it('in a document of blocks comes after its title', () => {
    const source = { type: 'content', content: [text('Once.'), text('Twice.')] }
    expect(textOf({ type: 'document', title: 'Tales', source })).toBe('[document Tales]\nOnce.\nTwice.')
    expect(textOf({ type: 'document', source })).toBe('Once.\nTwice.')
  })

  it('is bounded in depth', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(900)}"end"${'}'.repeat(900)}`)
    expect(textOf({ type: 'deep', content: deep })).toBe('[deep: this model cannot read deep blocks]')
  })

  it('without words becomes its type', () => {
    expect(textOf({ type: 'container_upload', file_id: 'f1' })).toBe(
      '[container_upload: this model cannot read container_upload blocks]',
    )
  })
})

describe('a tool that comes or leaves in the middle', () => {
  const changed = (block: object, tools: object[] = []) =>
    chat({ tools, messages: [...BASIC.messages, { role: 'system', content: [text('Tools have changed.'), block] }] })

  it.each<[string, object]>([
    ['a reference', { type: 'tool_addition', tool: { type: 'tool_reference', name: 'weather' } }],
    ['a reference as in results', { type: 'tool_addition', tool: { type: 'tool_reference', tool_name: 'weather' } }],
    ['a name', { type: 'tool_addition', tool: 'weather' }],
  ])('by %s is described where it comes, and can be called', (_, block) => {
    const { messages, tools, deferred } = changed(block, [{ ...WEATHER, defer_loading: true }])
    expect(messages[1]?.parts).toEqual([text(`Tools have changed.\n${DECLARED}`)])
    expect([tools, deferred?.map(({ name }) => name)]).toEqual([[], ['weather']])
  })

  it.each<[string, object]>([
    ['a definition', { type: 'tool_addition', tool: { type: 'tool_definition', definition: WEATHER } }],
    ['its fields', { type: 'tool_addition', tool: WEATHER }],
  ])('by %s is described too', (_, block) => {
    const { messages, deferred } = changed(block)
    expect(messages[1]?.parts).toEqual([text(`Tools have changed.\n${DECLARED}`)])
    expect(deferred?.map(({ name }) => name)).toEqual(['weather'])
  })

  it('is described with its references resolved, as other tools are', () => {
    const input_schema = {
      type: 'object',
      properties: { place: { $ref: '#/$defs/Place' } },
      $defs: { Place: { type: 'string', enum: ['Paris', 'Rome'] } },
    }
    const { messages } = changed({ type: 'tool_addition', tool: { ...WEATHER, input_schema } })
    const [part] = messages[1]?.parts ?? []
    expect(part).toMatchObject({ text: expect.stringContaining('"place":{"type":"string","enum":["Paris","Rome"]}') })
    expect(part).not.toMatchObject({ text: expect.stringContaining('$ref') })
  })

  it('is not declared twice if the request lists it too', () => {
    const { tools, deferred } = changed({ type: 'tool_addition', tool: WEATHER }, [WEATHER])
    expect([tools.length, deferred]).toEqual([1, []])
  })

  it('and leaves, in words', () => {
    const block = { type: 'tool_removal', tool: { type: 'tool_reference', name: 'weather' } }
    expect(changed(block, [WEATHER]).messages[1]?.parts).toEqual([
      text('Tools have changed.\nTool weather is no longer available.'),
    ])
  })

  it.each([
    { type: 'tool_addition' },
    { type: 'tool_removal', tool: {} },
    { type: 'tool_addition', tool: { definition: 5 } },
  ])('without a name is refused: %j', (block) => {
    expect(() => changed(block)).toThrow(/^messages\.1\.content\.1\.tool\.name: Field required$/)
  })
})

describe('tools', () => {
  it.each([
    ['bash_20250124', 'bash', ['command', 'restart']],
    [
      'text_editor_20250728',
      'str_replace_based_edit_tool',
      ['command', 'path', 'old_str', 'new_str', 'insert_line', 'view_range'],
    ],
    ['text_editor_20241022', 'str_replace_editor', ['command', 'path']],
    ['memory_20250818', 'memory', ['command', 'old_path', 'new_path']],
    ['computer_20250124', 'computer', ['action', 'coordinate']],
  ])('of type %s have the schema that their models know', (type, name, fields) => {
    const [tool] = chat({ tools: [{ type, name }] }).tools
    expect(tool?.name).toBe(name)
    expect(tool?.description).not.toBe('')
    expect(Object.keys(tool?.schema.properties as object)).toEqual(expect.arrayContaining(fields))
  })

  it('of OpenAI’s shape are refused by the field', () => {
    const tools = [WEATHER, { type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]
    expect(() => chat({ tools })).toThrow(/^tools\.1\.function: .*input_schema/)
  })

  it.each([false, true])(
    'of Anthropic’s servers are left out, with a header and in the log (stream %s)',
    async (stream) => {
      const lines: object[] = []
      const engine = speaks('Hi', { control: '<end>' })
      const { url } = await serveFake(engine, { onLog: (line) => lines.push(line) })
      const tools = [
        { type: 'web_search_20250305', name: 'web_search' },
        { type: 'odd\n\u00e9', name: 'x' },
        { name: 'Read', input_schema: { type: 'object' } },
      ]
      const { status, headers } = await ask(`${url}/v1/messages`, { body: { ...BASIC, tools, stream } })
      expect([status, headers['tether-ignored-tools']]).toEqual([200, 'web_search_20250305, odd??'])
      await until(() => lines.length > 0)
      expect(lines[0]).toMatchObject({ ignoredTools: ['web_search_20250305', 'odd\n\u00e9'] })
      const without = await ask(`${url}/v1/messages`, { body: BASIC })
      expect(without.headers['tether-ignored-tools']).toBeUndefined()
    },
  )
})

describe('output_config.format', () => {
  const schema = { type: 'object', properties: { fruit: { type: 'string' } } }
  const format = { type: 'json_schema', schema }

  it.each([{ output_config: { format } }, { output_format: format }])('is an instruction at the end: %j', (fields) => {
    const { messages } = chat({ ...fields, system: 'S' })
    expect(messages.at(-1)?.parts.at(-1)).toEqual(
      text(
        expect.stringMatching(
          /^Answer with one JSON value .*\n\{"type":"object","properties":\{"fruit"/,
        ) as unknown as string,
      ),
    )
    expect(messages[0]?.parts).toEqual([text('S')])
  })

  it('stands before an answer that the client has begun', () => {
    const begun = [...BASIC.messages, { role: 'assistant', content: '{' }]
    const { messages } = chat({ output_config: { format }, messages: begun })
    expect(messages[0]?.parts.length).toBe(2)
    expect(messages[1]?.parts).toEqual([text('{')])
  })

  it.each([
    {},
    { output_config: null },
    { output_config: { effort: 'low' } },
    { output_config: { format: { type: 'text' } } },
  ])('is not there in %j', (fields) => {
    expect(chat(fields)).toEqual(chat({}))
  })

  it.each<[object, RegExp]>([
    [{ output_config: 5 }, /^output_config: Input should be an object/],
    [{ output_config: { format: { type: 'grammar' } } }, /^output_config\.format\.type: Input should be 'json_schema'/],
    [{ output_config: { format: { type: 'json_schema' } } }, /^output_config\.format\.schema: Field required/],
    [{ output_format: { type: 'json_schema', schema: [] } }, /^output_format\.schema: Input should be an object/],
  ])('is refused by the field: %j', (fields, message) => {
    expect(() => chat(fields)).toThrow(message)
  })
})
