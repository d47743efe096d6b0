import { describe, expect, test } from 'vitest'
import { FORMATS } from '../../src/chat/families.js'
import { readOutput } from '../../src/chat/read-output.js'
import type {
  ChatTool,
  JsonObject,
  JsonValue,
  OutputFormat,
  OutputReader,
  Part,
  Piece,
  ReadEnd,
} from '../../src/chat/types.js'
import { TetherError } from '../../src/errors.js'
import { seeded } from '../support/chat-random.js'
import { cpuTime } from '../support/cpu-time.js'
import { readPieces, toPieces } from '../support/read-pieces.js'

const text = (text: string): Part => ({ type: 'text', text })
const thinking = (text: string): Part => ({ type: 'thinking', text })
const call = (name: string, input: JsonObject = {}): Part => ({ type: 'tool_call', name, input })
const tool = (name: string, properties: JsonObject): ChatTool => ({
  name,
  description: '',
  schema: { type: 'object', properties },
})

/** Reads the answer whole and character by character, and expects the same parts. */
function read(family: string, written: string, options: { tools?: ChatTool[]; finish?: ReadEnd } = {}): Part[] {
  const whole = readOutput([written], { family, ...options })
  const format = FORMATS[family] as OutputFormat
  const letters = toPieces(written, format).flatMap((piece): Piece[] =>
    typeof piece === 'string' ? [...piece] : [piece],
  )
  expect(readPieces(format, letters, options)).toEqual(whole)
  return whole
}

describe('Gemma 4', () => {
  const Q = '<|"|>'
  const inCall = (body: string) => `<|tool_call>call:${body}<tool_call|>`

  test.each<[string, string, Part[]]>([
    ['text as text', 'Hello, world.\n', [text('Hello, world.\n')]],
    [
      'a call after text',
      `I look.${inCall(`Bash{command:${Q}ls -la${Q}}`)}<|tool_response>`,
      [text('I look.'), call('Bash', { command: 'ls -la' })],
    ],
    ['a call without arguments', inCall('List{}'), [call('List')]],
    [
      'strings between quote tokens verbatim',
      inCall(`W{c:${Q}a\\n"b" 'c' {d:[${Q},p:${Q}C:\\new\\x\n\n${Q}}`),
      [call('W', { c: 'a\\n"b" \'c\' {d:[', p: 'C:\\new\\x\n\n' })],
    ],
    [
      'markers within strings as part of the string',
      `${inCall(`W{c:${Q}<tool_call|><turn|><|tool_call>call:X{}<tool_call|>${Q}}`)}ok`,
      [call('W', { c: '<tool_call|><turn|><|tool_call>call:X{}<tool_call|>' }), text('ok')],
    ],
    [
      'numbers, booleans, null, lists and objects',
      inCall('F{n:1,m:-2.5e3,t:true,f:false,z:null,l:[1,[2],{a:[]}],o:{k:{}}}'),
      [call('F', { n: 1, m: -2500, t: true, f: false, z: null, l: [1, [2], { a: [] }], o: { k: {} } })],
    ],
    [
      'keys with hyphens, quotes, spaces and letters of any script',
      inCall(`F{-n:true,"a b":1,${Q}c:d${Q}:2,e f:3,größe:4,'k':5}`),
      [call('F', { '-n': true, 'a b': 1, 'c:d': 2, 'e f': 3, größe: 4, k: 5 })],
    ],
    [
      'strings in " and \' with JSON’s escapes, and a backslash before anything else as itself',
      inCall(`F{a:"x\\n\\u00e9\\"",b:'it\\'s',c:"C:\\dir"}`),
      [call('F', { a: 'x\né"', b: "it's", c: 'C:\\dir' })],
    ],
    [
      'white space, a trailing comma, = and (…) in a call',
      inCall(`F{ a : 1 ,\n b = 2, }`) + inCall(`G(a='x')`),
      [call('F', { a: 1, b: 2 }), call('G', { a: 'x' })],
    ],
    ['__proto__ as an ordinary key', inCall('F{__proto__:1}'), [call('F', JSON.parse('{"__proto__":1}'))]],
    ['several calls with text between', `${inCall('A{}')}then${inCall('B{}')}`, [call('A'), text('then'), call('B')]],
    ['calls without the white space between them', `${inCall('A{}')}\n${inCall('B{}')}\n`, [call('A'), call('B')]],
    ['two calls between one pair of markers', inCall('A{x:1}call:B{}'), [call('A', { x: 1 }), call('B')]],
    ['a call without its second end marker', `${inCall('A{}')}<tool_call|><|tool_response>`, [call('A')]],
    ['a call closed by the end of the turn', '<|tool_call>call:A{}<turn|>', [call('A')]],
    ['a call with a leading colon', '<|tool_call>:call:A{}<tool_call|>', [call('A')]],
    [
      'calls without "call" before the name',
      '<|tool_call>:A{}<tool_call|><|tool_call>B{}<tool_call|>',
      [call('A'), call('B')],
    ],
    ['arguments as an object in parentheses', inCall('A({"x": 1})'), [call('A', { x: 1 })]],
    ['JSON between the markers', '<|tool_call>{"name":"A","arguments":{"x":1}}<tool_call|>', [call('A', { x: 1 })]],
    [
      'a string closed by both kinds of quote',
      `${inCall(`A{p:':\\s*\\w+'${Q}}`)}b`,
      [call('A', { p: ':\\s*\\w+' }), text('b')],
    ],
    [
      'a string opened by one kind of quote and closed by the other',
      inCall(`A{x:"a b${Q},y:'c'}`),
      [call('A', { x: 'a b', y: 'c' })],
    ],
    [
      'a string without its opening quote',
      inCall(`A{q:Paris, France${Q},n:5}`),
      [call('A', { q: 'Paris, France', n: 5 })],
    ],
    [
      'a string without its closing quote',
      `${inCall(`A{x:1,c:${Q}ls -la}`)}b`,
      [call('A', { x: 1, c: 'ls -la' }), text('b')],
    ],
    [
      'a string without its closing quote, before another call',
      inCall(`A{c:${Q}ls}`) + inCall(`B{c:${Q}pwd${Q}}`),
      [call('A', { c: 'ls' }), call('B', { c: 'pwd' })],
    ],
    [
      'a call that is broken off and begins again as text and a call',
      `<|tool_call>call:A{x:${inCall('B{}')}`,
      [text('<|tool_call>call:A{x:'), call('B')],
    ],
    [
      'a call without its opening marker, after a thought',
      `<|channel>thought\nhm\n<channel|>call:A{x:${Q}y${Q}}<tool_call|>`,
      [thinking('hm'), call('A', { x: 'y' })],
    ],
    ['text that begins like a call', 'call: me later', [text('call: me later')]],
    ['thoughts, then text', '<|channel>thought\na\nb\n<channel|>c', [thinking('a\nb'), text('c')]],
    ['an empty thought as nothing', '<|channel>thought\n<channel|>c', [text('c')]],
    ['a thought without its opening marker', 'thought\na\n<channel|>c', [thinking('a'), text('c')]],
    ['text that begins like a thought', 'thought\nful', [text('thought\nful')]],
    ['a thought that is cut off', '<|channel>thought\na\nb', [thinking('a\nb')]],
    ['a thought that a call ends', `<|channel>thought\na\n${inCall('A{}')}`, [thinking('a'), call('A')]],
    [
      'a thought and a call without the white space between them',
      `<|channel>thought\na\n<channel|>\n\n${inCall('A{}')}`,
      [thinking('a'), call('A')],
    ],
    ['text without the end of the turn', 'a<turn|>\n', [text('a')]],
    ['a quote token outside of calls as text', `a${Q}b`, [text(`a${Q}b`)]],
  ])('reads %s', (_, written, parts) => {
    expect(read('gemma4', written)).toEqual(parts)
  })

  test.each([
    ['within its arguments', `<|tool_call>call:Bash{command:${Q}rm -rf /tmp`],
    ['before its end marker', `<|tool_call>call:Bash{command:${Q}rm -rf /tmp${Q}}`],
    ['within its name', '<|tool_call>call:Ba'],
    ['after its marker', '<|tool_call>'],
  ])('reads a call that was cut off as text: %s', (_, written) => {
    expect(read('gemma4', `ok ${written}`, { finish: 'length' })).toEqual([text(`ok ${written}`)])
    expect(read('gemma4', `ok ${written}`)).toEqual([text(`ok ${written}`)])
  })

  test('reads a call that the end of the turn closes', () => {
    expect(read('gemma4', '<|tool_call>call:A{}', { finish: 'stop' })).toEqual([call('A')])
    expect(read('gemma4', '<|tool_call>call:A{', { finish: 'stop' })).toEqual([text('<|tool_call>call:A{')])
  })

  test.each([
    'A{x:}',
    'A{x}',
    'A{:1}',
    'A{x:1',
    'A{x:1}}',
    'A{x:word}',
    'A{x:108.}',
    'A{x:1e999}',
    `A{x:${Q}a{}`,
    `A{x:${Q}a,y:1}`,
    `A{x:${Q}a`,
    `A{x:word,y:${Q}b,z:${Q}c${Q}}`,
    `A{x:1,x:2}`,
    'A:\nBEGIN_ARG:\nls\nEND_ARG\n',
    '{x:1}',
    'A',
    '',
    'A{x:1}and more',
  ])('reads a malformed call as text: %s', (body) => {
    expect(read('gemma4', `a${inCall(body)}b`)).toEqual([text(`a${inCall(body)}b`)])
  })

  test('reads the call after a malformed one', () => {
    const broken = inCall(`A{x:${Q}a{}`)
    const good = inCall(`B{x:${Q}b${Q}}`)
    expect(read('gemma4', `${broken}so${good}end`)).toEqual([text(`${broken}so`), call('B', { x: 'b' }), text('end')])
  })

  test('takes only control tokens for markers in pieces from the engine', () => {
    const reader = (FORMATS.gemma4 as OutputFormat).reader({ tools: undefined })
    const pieces: Piece[] = ['<|tool_call>call:A{}<tool_call|>', { control: '<|tool_call>' }, 'call:A{x:']
    pieces.push({ control: Q }, `a${Q}b<tool_call|>`, { control: Q }, '}', { control: '<tool_call|>' })
    expect([...pieces.flatMap((piece) => reader.push(piece)), ...reader.end('stop')]).toEqual([
      text('<|tool_call>call:A{}<tool_call|>'),
      call('A', { x: `a${Q}b<tool_call|>` }),
    ])
  })

  test('holds back only text that may still become something else', () => {
    const reader = (FORMATS.gemma4 as OutputFormat).reader({ tools: undefined })
    expect(reader.push('th')).toEqual([])
    expect(reader.push('e lamp')).toEqual([text('the lamp')])
    expect(reader.push(' <')).toEqual([text(' <')])
    expect(reader.push({ control: '<|channel>' })).toEqual([])
    expect(reader.push('thought\na\n')).toEqual([thinking('a')])
    expect(reader.push('b')).toEqual([thinking('\nb')])
    expect(reader.push({ control: '<channel|>' })).toEqual([])
    expect(reader.push('c')).toEqual([])
    expect(reader.end('stop')).toEqual([text('c')])
  })
})

describe('Llama 3', () => {
  const bash = '{"name": "Bash", "parameters": {"command": "ls; pwd"}}'
  const called = call('Bash', { command: 'ls; pwd' })

  test.each<[string, string, Part[]]>([
    ['text as text', 'Hello {world}.\n', [text('Hello {world}.\n')]],
    ['a call', bash, [called]],
    [
      'a call with arguments instead of parameters',
      '{"name":"A","arguments":{"x":[1,{"y":"}"}]}}',
      [call('A', { x: [1, { y: '}' }] })],
    ],
    ['a call with arguments as a string of JSON', '{"name":"A","arguments":"{\\"x\\":1}"}', [call('A', { x: 1 })]],
    ['a call with a type', '{"type": "function", "name": "A", "parameters": {}}', [call('A')]],
    ['a call after the python tag', `<|python_tag|>${bash}<|eom_id|>`, [called]],
    ['a call after text', `I look.\n${bash}`, [text('I look.\n'), called]],
    [
      'several calls with any separators',
      `${bash};${bash}; ${bash};\n${bash}\n${bash}\n`,
      [called, called, called, called, called],
    ],
    ['text after a call', `${bash}; done`, [called, text('; done')]],
    [
      'a call with line feeds in a string, which JSON forbids',
      '{"name":"A","parameters":{"x":"a\nb\tc"}}',
      [call('A', { x: 'a\nb\tc' })],
    ],
    ['a call with escapes in a string', '{"name":"A","parameters":{"x":"\\"}{\\\\"}}', [call('A', { x: '"}{\\' })]],
    ['Python code after the tag as text', '<|python_tag|>print({"a": 1})', [text('<|python_tag|>print({"a": 1})')]],
    ['an object with a name as text', 'See {"name": "Alice"}.', [text('See {"name": "Alice"}.')]],
    [
      'a package.json as text',
      '{"name":"x","version":"1","parameters":{}}',
      [text('{"name":"x","version":"1","parameters":{}}')],
    ],
    ['a call with an empty name as text', '{"name":"","parameters":{}}', [text('{"name":"","parameters":{}}')]],
    [
      'a call whose parameters are not an object as text',
      '{"name":"A","parameters":[]}',
      [text('{"name":"A","parameters":[]}')],
    ],
    [
      'a call in backticks as text',
      `\`${bash}\` or\n\`\`\`\n${bash}\n\`\`\``,
      [text(`\`${bash}\` or\n\`\`\`\n${bash}\n\`\`\``)],
    ],
    [
      'a call that is cut off as text',
      '{"name":"A","parameters":{"x":"rm -rf',
      [text('{"name":"A","parameters":{"x":"rm -rf')],
    ],
    [
      'a list of Python calls',
      "[A(x='1', y=[2, {'z': None}]), B()]",
      [call('A', { x: '1', y: [2, { z: null }] }), call('B')],
    ],
    ['a call that is all of a ```json fence', `\`\`\`json\n${bash}\n\`\`\``, [called]],
    [
      "a call with a trailing comma, ' and True",
      "{'name': 'A', 'parameters': {'x': True,},}",
      [call('A', { x: true })],
    ],
    ['a call within a larger document as text', `{"calls": [${bash}]} x`, [text(`{"calls": [${bash}]} x`)]],
    [
      'the definition of a tool as text',
      '{"name":"A","parameters":{"type":"object","properties":{}}}',
      [text('{"name":"A","parameters":{"type":"object","properties":{}}}')],
    ],
    ['a call after a brace', '{{"name":"A","parameters":{}}', [text('{'), call('A')]],
    ['malformed JSON as text', '{"name":"A","parameters":{x}} b', [text('{"name":"A","parameters":{x}} b')]],
  ])('reads %s', (_, written, parts) => {
    expect(read('llama3', written)).toEqual(parts)
  })

  test('emits text up to the first brace that may begin a call', () => {
    const reader = (FORMATS.llama3 as OutputFormat).reader({ tools: undefined })
    expect(reader.push('ok {"na')).toEqual([text('ok ')])
    expect(reader.push('me": "Alice"')).toEqual([])
    expect(reader.push('}.')).toEqual([text('{"name": "Alice"}'), text('.')])
    expect(reader.push(' {x')).toEqual([text(' '), text('{'), text('x')])
    expect(reader.end('stop')).toEqual([])
  })
})

describe.each([
  ['gemma4', (name: string, input: string) => `<|tool_call>call:${name}{${input}}<tool_call|>`],
  ['llama3', (name: string, input: string) => `{"name":"${name}","parameters":{${input}}}`],
] as const)('%s with a list of offered tools', (family, write) => {
  const quoted = {
    gemma4: (key: string, value: string) => `${key}:${value}`,
    llama3: (key: string, value: string) => `"${key}":${value}`,
  }[family]

  test('reads a call of a tool that was not offered as text', () => {
    const written = write('Rm', '')
    expect(read(family, written, { tools: [tool('Bash', {})] })).toEqual([text(written)])
    expect(read(family, written, { tools: [] })).toEqual([text(written)])
    expect(read(family, written)).toEqual([call('Rm')])
  })

  test.each<[string, JsonValue, string, JsonValue]>([
    ['a number in quotes', { type: 'number' }, '"2.5"', 2.5],
    ['an integer in quotes', { type: 'integer' }, '"12"', 12],
    ['a boolean in quotes', { type: 'boolean' }, '"true"', true],
    ['a bare integer where the schema wants text', { type: 'string' }, '12', '12'],
    ['a bare boolean where the schema wants text', { type: 'string' }, 'false', 'false'],
    ['a list in quotes', { type: 'array', items: { type: 'integer' } }, '"[1, \\"2\\"]"', [1, 2]],
    ['an object in quotes', { type: 'object' }, '"{\\"a\\": true}"', { a: true }],
    ['a nullable number in quotes', { type: ['integer', 'null'] }, '"7"', 7],
    ['a bare number where the schema wants text, digit by digit', { type: 'string' }, '1.10', '1.10'],
    ['the items of a list', { type: 'array', items: { type: 'integer' } }, '["1",2]', [1, 2]],
  ])('converts %s to the type of the schema', (_, schema, written, value) => {
    const tools = [tool('A', { x: schema })]
    expect(read(family, write('A', quoted('x', written)), { tools })).toEqual([call('A', { x: value })])
  })

  test.each<[string, JsonValue, string, JsonValue]>([
    ['text where the schema wants a number', { type: 'number' }, '"2 or 3"', '2 or 3'],
    ['a fraction where the schema wants an integer', { type: 'integer' }, '"2.5"', '2.5'],
    ['JSON where the schema wants text', { type: 'string' }, '"[1]"', '[1]'],
    ['a list in quotes where the schema wants an object', { type: 'object' }, '"[1]"', '[1]'],
    ['digits where the schema wants text', { type: 'string' }, '"12"', '12'],
    ['a number in quotes where the schema allows several types', { type: ['string', 'number'] }, '"12"', '12'],
    ['a number in quotes where the schema has no type', {}, '"12"', '12'],
  ])('leaves %s as it is', (_, schema, written, value) => {
    const tools = [tool('A', { x: schema })]
    expect(read(family, write('A', quoted('x', written)), { tools })).toEqual([call('A', { x: value })])
  })
})

test('bare words are text only where the schema wants text', () => {
  const tools = [tool('Write', { content: { type: 'string' }, path: { type: 'string' }, mode: {} })]
  const write = (body: string) => `<|tool_call>call:Write{${body}}<tool_call|>`
  const asText = (body: string) => [text(write(body))]
  expect(read('gemma4', write('content:hello world,path:src/a.txt'), { tools })).toEqual([
    call('Write', { content: 'hello world', path: 'src/a.txt' }),
  ])
  expect(read('gemma4', write('path:https://a.b/c'), { tools })).toEqual([call('Write', { path: 'https://a.b/c' })])
  for (const body of ['mode:fast', 'content:a b: c', 'content:f(x)', 'content:a\nb', 'content:']) {
    expect(read('gemma4', write(body), { tools })).toEqual(asText(body))
  }
})

describe('models without a tool format of their own', () => {
  const tools = [
    tool('Bash', { command: { type: 'string' } }),
    { ...tool('Read', { file_path: { type: 'string' }, limit: { type: 'integer' } }) },
    tool('List', {}),
  ]
  const fence = (name: string, body: string) => `\`\`\`${name}\n${body}\n\`\`\``
  const json = '{"name": "Bash", "arguments": {"command": "ls"}}'
  const ls = call('Bash', { command: 'ls' })

  test.each<[string, string, Part[]]>([
    ['a call in the format of our prompt', `I look.\n${fence('tool_call', json)}\n`, [text('I look.\n'), ls]],
    ['two calls', `${fence('tool_call', json)}\n\n${fence('tool_call', json)}`, [ls, ls]],
    ['a call in a ```json fence', fence('json', json), [ls]],
    ['a fence with a list of calls', fence('json', `[${json}, ${json}]`), [ls, ls]],
    ['a fence with two calls', fence('tool_code', `${json}\n${json}`), [ls, ls]],
    ['a Python call in a ```tool_code fence', fence('tool_code', 'Bash(command="ls")'), [ls]],
    ['a Python call in print(…)', fence('tool_code', 'print(default_api.Bash(command="ls"))'), [ls]],
    ['a Python call after a comment', fence('python', '# look\nBash(command="ls")'), [ls]],
    ['a Python call with its only argument unnamed', fence('tool_code', "Bash('ls')"), [ls]],
    ['a list of Python calls', '[Bash(command="ls"), List()]', [ls, call('List')]],
    ['a Python call on a line of its own', 'Now:\nBash(command="ls")\n', [text('Now:\n'), ls]],
    ['calls in tags', `<tool_call>\n${json}\n</tool_call>\n<tool_call>${json}</tool_call>`, [ls, ls]],
    ['a call as bare JSON', json, [ls]],
    [
      'a Python call whose long string contains a fence',
      fence('tool_code', 'Bash(command="""cat <<E\n```js\nx\n```\nE""")'),
      [call('Bash', { command: 'cat <<E\n```js\nx\n```\nE' })],
    ],
    ['tuples as lists, and r"…" verbatim', '[Bash(command=(r"\\d", 1))]', [call('Bash', { command: ['\\d', 1] })]],
  ])('read %s', (_, written, parts) => {
    expect(read('gemma3', written, { tools, finish: 'stop' })).toEqual(parts)
    expect(read('llama2', written, { tools, finish: 'stop' })).toEqual(parts)
  })

  test.each([
    'Bash(command="ls") lists files.',
    'Use Bash(command="ls").',
    '`Bash(command="ls")` and `{"name": "Bash", "arguments": {}}`',
    fence('python', 'import os\nBash(command="ls")'),
    fence('python', 'Bash(command="ls")\nprint("done")'),
    fence('js', json),
    fence('json', '{"name": "Bash", "version": "1.0"}'),
    fence('json', '{"name": "Nope", "arguments": {}}'),
    fence('tool_code', 'Bash("ls", "-la")'),
    fence('tool_code', 'Read("a", limit=2)'),
    fence('tool_code', 'Bash(command="ls", command="pwd")'),
    '[1] and [docs](http://a.b) and [x]',
    '[Bash(command="ls"), Nope()]',
    '<tool_call>nothing</tool_call>',
    '{"tools": [{"name": "Bash", "arguments": {"command": "rm"}}]}',
    '```\n```',
    '```',
  ])('read text without calls as text: %j', (written) => {
    expect(read('gemma3', written, { tools, finish: 'stop' })).toEqual([text(written)])
  })

  test.each([
    '```tool_call\n{"name": "Bash", "arguments": {"command": "rm -rf /"}}',
    '```tool_call\n{"name": "Bash", "arguments": {"command": "rm -rf /',
    '[Bash(command="rm -rf /")',
    'Bash(command="rm -rf /")',
  ])('read a call that was cut off as text: %j', (written) => {
    expect(read('gemma3', written, { tools })).toEqual([text(written)])
  })

  test('emit text as soon as a bracket cannot open a call', () => {
    const reader = FORMATS.gemma3?.reader({ tools }) as OutputReader
    expect(reader.push('see [e')).toEqual([text('see '), text('[e')])
    expect(reader.push('xtra] and {"a": {"name": ')).toEqual([
      text('xtra]'),
      text(' and '),
      text('{"a"'),
      text(': {"name": '),
    ])
    expect(reader.push('"Bash", "arguments": {}}')).toEqual([text('"Bash", "arguments": {}}')])
    expect(reader.push('} {"name": "Bu')).toEqual([text('}'), text(' '), text('{"name": "Bu')])
    expect(reader.push('s"}\n```js\n')).toEqual([text('s"}'), text('\n'), text('```js\n')])
  })
})

describe('Mistral', () => {
  test.each<[string, string, Part[]]>([
    ['a list of calls', '[TOOL_CALLS][{"name": "A", "arguments": {"x": 1}, "id": "a1b2c3d4e"}]', [call('A', { x: 1 })]],
    [
      'a list of two calls',
      '[TOOL_CALLS] [{"name":"A","arguments":{}},{"name":"B","arguments":"{}"}]',
      [call('A'), call('B')],
    ],
    [
      'a call as a name and its arguments',
      'Hm.[TOOL_CALLS]A[ARGS]{"x": "[ARGS]"}',
      [text('Hm.'), call('A', { x: '[ARGS]' })],
    ],
    ['several calls', '[TOOL_CALLS]A[ARGS]{}[TOOL_CALLS]B[CALL_ID]1a[ARGS]{}</s>', [call('A'), call('B')]],
    ['a call without [ARGS]', '[TOOL_CALLS]A{"x": {"y": "}"}}', [call('A', { x: { y: '}' } })]],
    ['a list of calls without its marker', '[{"name": "A", "arguments": {}}]', [call('A')]],
    ['thoughts', '[THINK]a[TOOL[/THINK]b', [thinking('a[TOOL'), text('b')]],
    ['a thought that a call ends', '[THINK]a[TOOL_CALLS]A[ARGS]{}', [thinking('a'), call('A')]],
    ['text after a call', '[TOOL_CALLS]A[ARGS]{} so', [call('A'), text(' so')]],
  ])('reads %s', (_, written, parts) => expect(read('mistral', written, { finish: 'stop' })).toEqual(parts))

  test.each([
    '[TOOL_CALLS]A[ARGS]{"x": "rm -rf',
    '[TOOL_CALLS]A[ARGS]',
    '[TOOL_CALLS]',
    '[TOOL_CALLS]A[ARGS]{x: 1} and more',
    '[TOOL_CALLS][1, 2]',
    `[TOOL_CALLS]${'word '.repeat(100)}`,
  ])('reads a malformed call as text: %j', (written) => {
    expect(read('mistral', written, { finish: 'stop' })).toEqual([text(written)])
  })
})

test('a list in quotes that is nested too deeply stays a string', () => {
  const tools = [tool('A', { x: { type: 'array' } })]
  const list = '['.repeat(20_000) + ']'.repeat(20_000)
  const written = JSON.stringify({ name: 'A', parameters: { x: list } })
  expect(read('llama3', written, { tools })).toEqual([call('A', { x: list })])
})

describe('hostile input', () => {
  const deep = 20_000
  const hostile: [string, string, string][] = [
    ['gemma4', 'deep lists', `<|tool_call>call:A{x:${'['.repeat(deep)}${']'.repeat(deep)}}<tool_call|>`],
    ['gemma4', 'deep objects', `<|tool_call>call:A{x:${'{a:'.repeat(deep)}1${'}'.repeat(deep)}}<tool_call|>`],
    ['gemma4', 'calls that begin and never end', '<|tool_call>call:A{x:<|"|>'.repeat(deep)],
    ['gemma4', 'strings that never end', '<|tool_call>call:A{x:<|"|>a<tool_call|>'.repeat(deep + 1)],
    ['gemma4', 'spaces', `<|tool_call>call:A{${' '.repeat(400_000)}`],
    ['gemma4', 'backslashes', `<|tool_call>call:A{x:"${'\\'.repeat(300_000)}<tool_call|>`],
    ['llama3', 'deep objects', `{"name":"A","parameters":${'{"a":'.repeat(deep)}1${'}'.repeat(deep)}}`],
    ['llama3', 'braces', '{'.repeat(200_000)],
    ['llama3', 'starts of calls', '{"name":'.repeat(deep)],
    ['llama3', 'starts of names', '{"name": "'.repeat(deep + 1)],
    ['llama3', 'half a call and noise', '{hello world[A(A=\t)A(A='.repeat(deep)],
    ['llama3', 'quotes', `{"name": ${'"a" '.repeat(100_000)}}`],
    [
      'llama3',
      'deep arguments in quotes',
      `{"name":"A","arguments":"${'{\\\\"a\\\\":'.repeat(deep)}1${'}'.repeat(deep)}"}`,
    ],
    ['llama3', 'numbers beyond all bounds', '{"name":"A","parameters":{"x":1e999}}'],
    ['llama3', 'keys that never end', '{"parameters": {"'.repeat(60_000)],
    ['llama3', 'deep lists', `{"name":"A","parameters":{"x":${'['.repeat(deep)}`],
    ['llama3', 'a string that never ends', `{"name":"A","parameters":{"x":"${'\\\\" \n'.repeat(200_000)}`],
    ['gemma4', 'quote tokens', `<|tool_call>call:A{x:${'<|"|>'.repeat(100_001)}`],
    ['gemma4', 'bare words', `<|tool_call>call:A{${'x:a b,'.repeat(150_000)}<tool_call|>`],
    ['gemma4', 'starts of calls without markers', 'call:A{\n'.repeat(100_000)],
    ['gemma3', 'fences that hold half a call', '```json\n{"parameters": {"a": 1}\n```\n'.repeat(30_000)],
    ['gemma3', 'fences that never close', '```tool_code\n# a\n'.repeat(50_000)],
    ['gemma3', 'backticks', '` `` ``` ```` '.repeat(60_000)],
    ['gemma3', 'half a call and noise', '{hello world[A(A=\t)A(A='.repeat(40_000)],
    ['gemma3', 'starts of Python calls', '[A(x=[A(x='.repeat(90_000)],
    ['gemma3', 'long strings that never end', `[A(x=${'"""a""b'.repeat(130_000)}`],
    ['gemma3', 'deep tuples', `[A(x=${'('.repeat(deep)}${')'.repeat(deep)})]`],
    ['gemma3', 'tags', '<tool_call></tool_cal<'.repeat(40_000)],
    ['gemma3', 'lines of names', 'A(\nA(x\n'.repeat(100_000)],
    ['gemma3', 'the white space after a fence', `\`\`\`${' '.repeat(300_000)}`],
    ['gemma4', 'a thought without its marker and end', `thought\n${'a '.repeat(300_000)}`],
    ['mistral', 'markers', '[TOOL_CALLS]A[ARGS]{'.repeat(40_000)],
    ['mistral', 'names that never end', `[TOOL_CALLS]${'a'.repeat(1_000_000)}`],
    ['mistral', 'a list that never ends', `[TOOL_CALLS][${'{"name":"A","arguments":{}},'.repeat(30_000)}`],
  ]

  test.each(hostile)('%s reads it as text in linear time: %s', (family, _, written) => {
    const began = cpuTime()
    expect(read(family, written)).toEqual([text(written)])
    expect(cpuTime() - began).toBeLessThan(6000)
  })

  test.each(['gemma4', 'llama3'])('%s loses no text of random answers', (family) => {
    const scraps = [
      '<|tool_call>',
      'call:A{',
      'x:',
      '<|"|>',
      '1',
      '}',
      '{',
      '"',
      '"name":"A"',
      ',"parameters":{}',
      ' a ',
      '```',
      ';',
      '<|python_tag|>',
    ]
    for (let seed = 0; seed < 3000; seed += 1) {
      const random = seeded(seed)
      const written = `_${Array.from({ length: random.below(14) }, () => random.pick(scraps)).join('')}_`
      const parts = read(family, written)
      if (parts.some((part) => part.type === 'tool_call')) continue
      expect(parts, written).toEqual([text(written)])
    }
  })
})

test('an unknown family is an error that names the known ones', () => {
  expect(() => readOutput([], { family: 'toString' })).toThrow(TetherError)
  expect(() => readOutput([], { family: 'gpt' })).toThrow(/gemma4, llama3, gemma3/)
})

test('readOutput takes control tokens as pieces', () => {
  const chunks: Piece[] = [
    { control: '<|tool_call>' },
    'call:A{x:',
    { control: '<|"|>' },
    'y',
    '<|"',
    '|>}<tool_',
    'call|>',
  ]
  expect(readOutput(chunks, { family: 'gemma4' })).toEqual([call('A', { x: 'y' })])
})
