/** Which schemas get no grammar, and how that is said. */
import { describe, expect, test } from 'vitest'
import { loosened, unbounded } from '../../src/chat/grammar/bounds.js'
import type { JsonObject } from '../../src/chat/types.js'

const object = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({ type: 'object', properties, ...more })

function nested(levels: number): JsonObject {
  let schema: JsonObject = { type: 'string' }
  for (let i = 0; i < levels; i += 1) schema = { type: 'array', items: schema }
  return schema
}

const tree: JsonObject = { type: 'object', properties: { value: {}, left: { $ref: '#' }, right: { $ref: '#' } } }

describe('a schema is compiled', () => {
  test.each<[string, JsonObject]>([
    ['of everyday parts', object({ a: { type: 'string', pattern: '^a{2,5}$' }, b: { enum: [1, 'x', null] } })],
    ['that may lead to itself', tree],
    ['that needs itself on one of its ways only', { ...tree, required: ['value'] }],
    ['of a list of two and no more', { type: 'array', prefixItems: [{}, {}], items: false, minItems: 2 }],
    [
      'of alternatives of which one ends',
      object({ a: { $ref: '#/$defs/n' } }, { required: ['a'], $defs: { n: { anyOf: [{ $ref: '#/$defs/n' }, {}] } } }),
    ],
  ])('%s', (_name, schema) => expect(unbounded(schema)).toBeUndefined())
})

describe('a schema is refused with its construct', () => {
  test.each<[string, JsonObject, string]>([
    ['that leads to itself', { $ref: '#' }, '$ref'],
    [
      'of two that lead to each other',
      { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
      '$ref',
    ],
    ['that needs itself', { ...tree, required: ['left'] }, '$ref'],
    ['whose list needs it at its beginning', { type: 'array', minItems: 1, prefixItems: [{ $ref: '#' }] }, '$ref'],
    ['whose list needs it', { type: 'array', minItems: 1, items: { $ref: '#' } }, '$ref'],
    ['with a pattern that repeats itself', object({ a: { pattern: '(a{1,100}){1,100}' } }), '(a{1,100}){1,100}'],
    ['with a pattern that is none', object({ a: { pattern: '(' } }), 'no regular expression'],
    [
      'with many patterns that repeat',
      object(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, { pattern: '^.{0,150}$' }]))),
      'more than 2000 times',
    ],
    ['with a long pattern', object({ a: { pattern: 'x|'.repeat(500) } }), 'longer than'],
    [
      'with a property for a pattern that repeats itself',
      object({}, { patternProperties: { 'a{9999}': {} } }),
      'a{9999}',
    ],
    ['with a long enum', { enum: Array.from({ length: 5000 }, (_, i) => i) }, 'enum'],
    ['that needs many items', { type: 'array', minItems: 5000 }, 'minItems'],
    [
      'of a megabyte',
      object(Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`key${i}`, { type: 'string' }]))),
      'parts',
    ],
    ['that is deep', nested(900), 'levels deep'],
  ])('%s', (_name, schema, construct) => expect(unbounded(schema)).toContain(construct))
})

test('an upper bound that would make a grammar large is dropped and named', () => {
  const schema = object({ a: { type: 'string', maxLength: 100_000 }, b: { type: 'string', maxLength: 10 } })
  const { schema: kept, dropped } = loosened(schema)
  expect(kept).toEqual(object({ a: { type: 'string' }, b: { type: 'string', maxLength: 10 } }))
  expect(dropped).toEqual(['a maxLength of more than 200'])
})

test('notes are dropped, but not properties and values that are called like them', () => {
  const schema = object(
    { title: { type: 'string', title: 'T', default: 'x' }, c: { const: { description: 1 } } },
    { description: 'D', $schema: 'S', required: ['title'] },
  )
  const kept = object({ title: { type: 'string' }, c: { const: { description: 1 } } }, { required: ['title'] })
  expect(loosened(schema)).toEqual({ schema: kept, dropped: [] })
})

test('what no grammar says is dropped and named, but not properties that are called like it', () => {
  const schema = object({
    not: { type: 'array', uniqueItems: true },
    if: { not: { type: 'null' } },
    c: { const: { not: 1 } },
  })
  const { schema: kept, dropped } = loosened(schema)
  expect(kept).toEqual(object({ not: { type: 'array' }, if: {}, c: { const: { not: 1 } } }))
  expect(dropped).toEqual(['uniqueItems', 'not'])
})
