/** Calls with invalid input are still returned, and reported. */
import { expect, test } from 'vitest'
import { misfit } from '../../src/chat/formats/schema.js'
import type { JsonObject, JsonValue } from '../../src/chat/types.js'
import { requestLine } from '../../src/cli/serving/request-line.js'
import { speaks } from '../support/fake-engine.js'
import { ask, hello, serveFake } from '../support/fake-server.js'
import { until } from '../support/until.js'

const BASH: JsonObject = {
  type: 'object',
  properties: {
    command: { type: 'string' },
    timeout: { type: ['number', 'null'] },
    mode: { enum: ['a', 'b'] },
    edits: { type: 'array', items: { type: 'object', required: ['old'], properties: { old: { type: 'string' } } } },
    either: { anyOf: [{ type: 'string' }, { type: 'integer' }] },
  },
  required: ['command'],
  additionalProperties: false,
}

test.each<[JsonValue, string | undefined]>([
  [{ command: 'ls' }, undefined],
  [{ command: 'ls', timeout: null, mode: 'b', edits: [{ old: '' }], either: 3 }, undefined],
  [{}, 'input.command: Field required'],
  [{ command: 1 }, 'input.command: should be string'],
  [{ command: 'ls', timeout: 'x' }, 'input.timeout: should be number or null'],
  [{ command: 'ls', mode: 'c' }, 'input.mode: not one of its enum'],
  [{ command: 'ls', edits: [{ old: '' }, {}] }, 'input.edits.1.old: Field required'],
  [{ command: 'ls', either: [] }, 'input.either: fits no choice'],
  [{ command: 'ls', more: 1 }, 'input.more: not a field of it'],
  ['ls', 'input: should be object'],
])('input %j against the schema: %s', (input, reason) => expect(misfit(input, BASH)).toBe(reason))

test.each([undefined, true, {}, { type: 'tuple' }, { $ref: '#/x' }, { properties: [] }, { required: 'a' }])(
  'the schema %j rejects nothing',
  (schema) => expect(misfit({ a: [1, 'b', null] }, schema as JsonValue)).toBeUndefined(),
)

test('a call with invalid input reaches the client, and its log line reports it', async () => {
  const call = { control: '<call>' }
  const end = { control: '</call>' }
  const engine = speaks(call, '{"name":"Bash","input":{}}', end, call, '{"name":"Bash","input":{"command":"ls"}}', end)
  const server = await serveFake(engine)
  const tools = [{ name: 'Bash', input_schema: BASH }]
  const { json } = await ask(`${server.url}/v1/messages`, { body: hello({ tools }) })
  expect(json.content).toMatchObject([{ input: {} }, { input: { command: 'ls' } }])
  await until(() => server.lines.length > 0)
  expect(server.lines[0]?.invalidToolInputs).toEqual(['Bash: input.command: Field required'])
  expect(requestLine(server.lines[0] as Parameters<typeof requestLine>[0])).toContain(
    '1 call with invalid input (Bash: input.command: Field required)',
  )
})
