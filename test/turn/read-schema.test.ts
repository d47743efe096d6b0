/** Schemas of requests: what a template would write as a word is one. */
import { expect, test } from 'vitest'
import { readAnswerSchema, readSchema } from '../../src/turn/read-schema.js'
import { toolText } from '../../src/turn/tool-text.js'

const ODD = { toString: 'x' }
const inner = (schema: object) => ({ type: 'object', properties: { a: schema } })

test.each([
  [{ required: [ODD] }, 'tool.required.0'],
  [{ required: ['a', ['b']] }, 'tool.required.1'],
  [{ type: ODD }, 'tool.type'],
  [{ type: ['string', ODD] }, 'tool.type.1'],
  [{ description: ODD }, 'tool.description'],
  [inner({ title: ODD }), 'tool.properties.a.title'],
  [inner({ items: { type: [ODD] } }), 'tool.properties.a.items.type.0'],
  [inner({ anyOf: [{ type: 'string' }, { required: [null] }] }), 'tool.properties.a.anyOf.1.required.0'],
  [{ type: 'object', other: { type: ODD } }, 'tool.other.type'],
])('%j is rejected by the name of its field', (schema, at) => {
  expect(() => readSchema(schema, 'tool')).toThrow(`${at}: Input should be`)
})

test.each([
  [{}],
  [{ required: true }],
  [{ type: null, description: null }],
  [inner({ default: { type: { a: 1 }, required: [{}] }, enum: [{ description: {} }] })],
  [{ type: 'object', properties: { type: { type: 'string' }, required: { type: 'array' }, description: {} } }],
  [JSON.parse('{"properties": {"__proto__": {"type": "string"}, "constructor": {"type": "string"}}}')],
])('%j is taken as it is', (schema) => {
  expect(readSchema(schema, 'tool')).toBe(schema)
  expect(toolText({ name: 'a', description: '', schema })).toContain('input_schema')
})

test('the schema of an answer is as long as a prompt may have it', () => {
  const schema = (length: number) => ({ description: 'x'.repeat(length - '{"description":""}'.length) })
  const fits = schema(2 ** 18)
  expect(readAnswerSchema(fits, 'format.schema')).toBe(fits)
  expect(() => readAnswerSchema(schema(2 ** 18 + 1), 'format.schema')).toThrow(
    'format.schema: the schema of an answer may have at most 262144 characters as JSON, not 262145',
  )
})
