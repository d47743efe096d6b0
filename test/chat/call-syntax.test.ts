/** Call syntaxes as grammars. */
import { expect, test } from 'vitest'
import { gemma4Syntax } from '../../src/chat/formats/gemma4-syntax.js'
import type { JsonObject } from '../../src/chat/types.js'

test('Gemma 4 writes the properties of a call as its prompt shows them: sorted, at every level', () => {
  const text = { type: 'string' }
  const inner = { type: 'object', properties: { b: text, A: text } }
  const properties = { file_path: text, content: text, edits: { type: 'array', items: inner }, properties: inner }
  const schema = { type: 'object', required: ['file_path'], properties }
  const rule = JSON.stringify(
    gemma4Syntax.rule([{ name: 'Write', description: '', schema }], { id: () => undefined, parallel: true }),
  )
  const { json_schema: held } = JSON.parse(/\{"type":"json_schema".*?"style":"gemma"/.exec(rule)?.[0].concat('}') ?? '')
  const names = (object: JsonObject) => Object.keys(object.properties as JsonObject)
  expect(names(held)).toEqual(['content', 'edits', 'file_path', 'properties'])
  expect([names(held.properties.edits.items), names(held.properties.properties)]).toEqual([
    ['A', 'b'],
    ['A', 'b'],
  ])
  expect(held).toEqual(schema)
})
