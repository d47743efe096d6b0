/** Our prompt for tools: calls in its format are read as calls. */
import { expect, test } from 'vitest'
import { readOutput } from '../../src/chat/read-output.js'
import { taughtCall, taughtResult, teachTools } from '../../src/chat/templates/teach-tools.js'
import type { JsonObject } from '../../src/chat/types.js'

const bash = {
  name: 'Bash',
  description: 'Runs a "command".\nIn a shell.',
  schema: { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] },
}

test('the prompt for tools has every tool whole, on a line of its own', () => {
  const text = teachTools([bash, { ...bash, name: 'Read', description: '' }])
  const tools = text
    .split('\n')
    .flatMap((line) => (line.startsWith('{"name":') && line.includes('parameters') ? [JSON.parse(line)] : []))
  expect(tools).toEqual([
    { name: 'Bash', description: bash.description, parameters: bash.schema },
    { name: 'Read', description: '', parameters: bash.schema },
  ])
})

test('the prompt for tools is empty without tools', () => expect(teachTools([])).toBe(''))

test('the prompt for tools is the same for the same tools, and its example is not read as a call', () => {
  const text = teachTools([bash])
  expect(teachTools([bash])).toBe(text)
  expect(readOutput([text], { family: 'gemma3', tools: [bash], finish: 'stop' })).toEqual([{ type: 'text', text }])
})

test.each<[string, JsonObject]>([
  ['nothing', {}],
  ['quotes, line feeds and fences', { command: 'cat <<"E"\n```js\n\\n\n```\nE\n\ttab' }],
  ['nested values', { a: [1, { b: null }], 'c-d': true, é: '🙂' }],
])('a call in the format of the prompt is read as that call: %s', (_, input) => {
  const anything = [{ name: 'Bash', description: '', schema: {} }]
  const read = readOutput([taughtCall('Bash', input)], { family: 'gemma3', tools: anything, finish: 'stop' })
  expect(read).toEqual([{ type: 'tool_call', name: 'Bash', input }])
})

test('a result names its tool, and says whether it is an error', () => {
  expect(taughtResult({ name: 'Bash', text: 'a\nb', isError: false })).toBe('Result of Bash:\na\nb')
  expect(taughtResult({ name: 'Bash', text: 'no', isError: true })).toBe('Error of Bash:\nno')
})
