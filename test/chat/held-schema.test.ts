/** What of a schema a grammar is made of, and what of it is named as not held. */
import { describe, expect, test } from 'vitest'
import { heldSchema } from '../../src/chat/grammar/held-schema.js'
import type { JsonObject } from '../../src/chat/types.js'

const object = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({ type: 'object', properties, ...more })
const closed = (properties: JsonObject, required = Object.keys(properties)) =>
  object(properties, { ...(required.length > 0 ? { required } : {}), additionalProperties: false })
const one: JsonObject = { enum: [1] }
const tree: JsonObject = object({ value: {}, left: { $ref: '#' }, right: { $ref: '#' } })

/** Each level needs the next one twice. */
const doubling = (levels: number, level: (next: JsonObject) => JsonObject): JsonObject => ({
  $ref: '#/$defs/d0',
  $defs: Object.fromEntries(
    Array.from({ length: levels }, (_, i) => [`d${i}`, i < levels - 1 ? level({ $ref: `#/$defs/d${i + 1}` }) : one]),
  ),
})

const short = { type: 'string', maxLength: 3 }

describe('a schema is held exactly', () => {
  test.each<[string, JsonObject, JsonObject]>([
    [
      'without notes',
      object({ a: { type: 'null', title: 'T' } }, { description: 'D' }),
      object({ a: { type: 'null' } }),
    ],
    [
      'with names like those of notes',
      object({ title: { enum: [{ not: 1 }] } }),
      object({ title: { enum: [{ not: 1 }] } }),
    ],
    ['with values of one type', { type: 'string', enum: ['a', 1] }, { enum: ['a'] }],
    ['with values within bounds', { enum: [1, 2, 3], minimum: 2, maximum: 2.5 }, { enum: [2] }],
    ['with values of whole characters', { enum: ['\ud800', 'a'] }, { enum: ['a'] }],
    ['of a constant', { const: { a: null } }, { enum: [{ a: null }] }],
    ['of keywords without a type', { minLength: 2 }, { type: 'string', minLength: 2 }],
    ['of types in capitals', { type: 'STRING' }, { type: 'string' }],
    [
      'of fractions as bounds of integers',
      { type: 'integer', minimum: 1.5, exclusiveMaximum: 4 },
      { type: 'integer', minimum: 2, maximum: 3 },
    ],
    [
      'of an older exclusive bound',
      { type: 'integer', minimum: 1, exclusiveMinimum: true, maximum: 5 },
      { type: 'integer', minimum: 2, maximum: 5 },
    ],
    [
      'of a tuple in the older spelling',
      { type: 'array', items: [one], additionalItems: one, maxItems: 3 },
      { type: 'array', prefixItems: [one], items: one, maxItems: 3 },
    ],
    [
      'of a tuple that may not be whole',
      { type: 'array', prefixItems: [one, one, one], maxItems: 1 },
      { type: 'array', prefixItems: [one], items: false },
    ],
    [
      'of keywords beside a choice',
      { type: 'string', anyOf: [{ maxLength: 3 }, { const: 'hello' }, { type: 'null' }] },
      { anyOf: [short, { enum: ['hello'] }] },
    ],
    [
      'of properties needed by a choice',
      { ...closed({ a: one, b: one }, []), anyOf: [{ required: ['a'] }, { required: ['b'] }] },
      { anyOf: [closed({ a: one, b: one }, ['a']), closed({ a: one, b: one }, ['b'])] },
    ],
    [
      'of all of several',
      { allOf: [{ type: 'number', minimum: 1 }, { type: 'integer' }, { maximum: 3, minimum: 0 }] },
      { type: 'integer', minimum: 1, maximum: 3 },
    ],
    [
      'of properties of several',
      { allOf: [object({ a: { minimum: 1 } }, { required: ['a'] }), object({ a: { type: 'integer' }, b: one })] },
      object({ a: { type: 'integer', minimum: 1 }, b: one }, { required: ['a'] }),
    ],
    ['of several of which one is closed', { allOf: [closed({ a: one }), object({ b: one })] }, closed({ a: one })],
    [
      'of choices of which a value fits one',
      { oneOf: [short, { type: 'null' }, closed({ k: { const: 'x' } }), closed({ k: { const: 'y' } })] },
      { anyOf: [short, { type: 'null' }, closed({ k: { enum: ['x'] } }), closed({ k: { enum: ['y'] } })] },
    ],
    [
      'of a needed property that is not described',
      object({}, { required: ['a'], additionalProperties: one }),
      object({ a: one }, { required: ['a'], additionalProperties: one }),
    ],
    ['of a property that no value fits', closed({ a: one, b: false }, ['a']), closed({ a: one })],
    ['of names out of a list', { propertyNames: { enum: ['a'] }, additionalProperties: one }, closed({ a: one }, [])],
    ['of any properties', { type: 'object' }, { type: 'object' }],
    ['of names of any text', { type: 'object', propertyNames: { type: 'string' } }, { type: 'object' }],
    [
      'of no property that another schema evaluates',
      object({ a: one }, { unevaluatedProperties: false }),
      object({ a: one }, { additionalProperties: false }),
    ],
  ])('%s', (_name, schema, held) => expect(heldSchema(schema)).toEqual({ schema: held, missing: [] }))

  test('of a reference to what it is part of', () => {
    const inner = { $ref: '#/$defs/r0' }
    const held = object({ value: {}, left: inner, right: inner })
    expect(heldSchema(tree)).toEqual({ schema: { ...held, $defs: { r0: held } }, missing: [] })
  })
})

describe('a reference leads', () => {
  test.each<[string, string, JsonObject]>([
    ['to a definition', '#/$defs/a', { $defs: { a: one } }],
    ['to a definition in the older spelling', '#/definitions/a', { definitions: { a: one } }],
    ['to a name with escapes', '#/$defs/a~1b~0c%25d', { $defs: { 'a/b~c%d': one } }],
    ['to a name with a sign that is no escape', '#/$defs/a%zz', { $defs: { 'a%zz': one } }],
    ['to a choice', '#/$defs/a/anyOf/1', { $defs: { a: { anyOf: [{}, one] } } }],
    ['to an anchor', '#here', { $defs: { a: { $anchor: 'here', ...one } } }],
    ['over another one', '#/$defs/a', { $defs: { a: { $ref: '#/$defs/b' }, b: one } }],
  ])('%s', (_name, $ref, more) => {
    const { schema, missing } = heldSchema({ ...closed({ v: { $ref } }), ...more })
    expect(missing).toEqual([])
    expect(Object.values(schema?.$defs as JsonObject)).toContainEqual(one)
  })

  test('to its schema, with what stands beside it', () => {
    const $defs = { a: { type: 'string', minLength: 1 } }
    const held = { type: 'string', minLength: 1, maxLength: 2 }
    expect(heldSchema({ $ref: '#/$defs/a', maxLength: 2, $defs })).toEqual({ schema: held, missing: [] })
  })
})

describe('a schema of which no grammar says all is held without it, and that is named:', () => {
  test.each<[string, JsonObject, JsonObject]>([
    ['uniqueItems', object({ not: { type: 'array', uniqueItems: true } }), object({ not: { type: 'array' } })],
    ['not', { type: 'string', not: one }, { type: 'string' }],
    ['unevaluatedItems', { prefixItems: [one], unevaluatedItems: false }, { type: 'array', prefixItems: [one] }],
    ['a maxLength of more than 200', { type: 'string', maxLength: 100_000 }, { type: 'string' }],
    ['a minItems of more than 200', { type: 'array', minItems: 5000 }, { type: 'array' }],
    ['a minLength of "3"', { type: 'string', minLength: '3' }, { type: 'string' }],
    [
      'the pattern (a{1,100}){9}, which repeats its parts more than 200 times',
      { pattern: '(a{1,100}){9}' },
      { type: 'string' },
    ],
    [
      'minLength and maxLength beside a pattern',
      { pattern: '^a+$', maxLength: 3 },
      { type: 'string', pattern: '^a+$' },
    ],
    ['a pattern beside an enum', { pattern: '^a+$', enum: ['a', 'b'] }, { enum: ['a', 'b'] }],
    ['multipleOf 0.01', { type: 'number', multipleOf: 0.01 }, { type: 'number' }],
    [
      'multipleOf without a minimum and a maximum that are near each other',
      { type: 'integer', multipleOf: 3 },
      { type: 'integer' },
    ],
    [
      'a range of numbers that is narrower than a millionth',
      { type: 'number', exclusiveMinimum: 0, maximum: 1e-9 },
      { type: 'number' },
    ],
    ['the type "any"', object({ a: { type: 'any' } }), object({ a: {} })],
    ['the $ref "#/$defs/none", which leads nowhere', object({ a: { $ref: '#/$defs/none' } }), object({ a: {} })],
    ['the $ref "https://example.com/a", which leads nowhere', { $ref: 'https://example.com/a' }, {}],
    [
      'oneOf whose choices may both fit',
      { oneOf: [short, { type: 'string' }] },
      { anyOf: [short, { type: 'string' }] },
    ],
    ['minProperties where any name may be one', { type: 'object', minProperties: 1 }, { type: 'object' }],
    ['propertyNames', { type: 'object', propertyNames: { maxLength: 2 } }, { type: 'object' }],
    [
      'patternProperties that may name the same',
      object({ xa: one }, { patternProperties: { '^x': one }, additionalProperties: false }),
      object({ xa: one }),
    ],
    ['patternProperties where any name may be one', { patternProperties: { '^x': one } }, { type: 'object' }],
    [
      'an enum of more than 8192 characters',
      { type: 'string', enum: Array.from({ length: 900 }, (_, i) => `value number ${i}`) },
      { type: 'string' },
    ],
    [
      'minProperties and maxProperties of so many properties',
      { ...closed(Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`k${i}`, one])), []), maxProperties: 20 },
      closed(Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`k${i}`, one])), []),
    ],
    ['an enum that is no list', { enum: 'abc' }, {}],
  ])('%s', (what, schema, held) => expect(heldSchema(schema)).toEqual({ schema: held, missing: [what] }))
})

describe('a schema is not held where it has no value, which is said of', () => {
  test.each<[string, JsonObject, string]>([
    ['an enum of nothing', { enum: [] }, 'enum'],
    ['a constant of another type', { type: 'integer', const: 'x' }, 'enum of nothing'],
    ['bounds of integers', closed({ a: { type: 'integer', minimum: 5, maximum: 1 } }), 'range of nothing'],
    ['bounds of numbers', { type: 'number', exclusiveMinimum: 1, maximum: 1 }, 'range of nothing'],
    ['bounds of texts', { type: 'string', minLength: 5, maxLength: 2 }, 'at least 5 and at most 2'],
    ['bounds of lists', { type: 'array', minItems: 3, maxItems: 1 }, 'at least 3 and at most 1'],
    ['bounds of objects', { ...closed({ a: one, b: one }), maxProperties: 1 }, 'at most 1'],
    ['types that exclude each other', { allOf: [{ type: 'string' }, { type: 'integer' }] }, 'types'],
    ['a property that is needed and forbidden', { ...closed({}), required: ['a'] }, '"a"'],
    ['a property with half a character', closed({ '\ud800': one }), 'half a character'],
    ['false', closed({ a: false }), 'false'],
    ['a reference to itself', { $ref: '#' }, '$ref'],
    [
      'two that lead to each other',
      { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
      '$ref',
    ],
    ['one that needs itself', { ...tree, required: ['left'] }, '$ref'],
    ['a list that needs itself', { type: 'array', minItems: 1, items: { $ref: '#' } }, '$ref'],
    ['a list that needs itself at its beginning', { type: 'array', minItems: 1, prefixItems: [{ $ref: '#' }] }, '$ref'],
  ])('%s', (_name, schema, word) => {
    const { schema: held, missing } = heldSchema(schema)
    expect(held).toBeUndefined()
    expect(missing[0]).toContain(word)
  })
})

test('of alternatives without an end one that ends is enough', () => {
  const list = (to: string) => ({ type: 'array', minItems: 1, items: { $ref: to } })
  const { schema, missing } = heldSchema({ $ref: '#/$defs/n', $defs: { n: { anyOf: [list('#/$defs/n'), one] } } })
  expect(missing).toEqual([])
  expect(schema?.$defs).toEqual({ r0: { anyOf: [list('#/$defs/r0'), one] } })
})

describe('a schema that doubles at each of 25 levels', () => {
  test.each<[string, (next: JsonObject) => JsonObject]>([
    ['properties', (next) => closed({ a: next, b: next })],
    ['items', (next) => ({ type: 'array', prefixItems: [next, next], minItems: 2 })],
    ['choices', (next) => ({ anyOf: [next, next] })],
  ])('by its %s is held', (_name, level) => expect(heldSchema(doubling(25, level)).missing).toEqual([]))

  test('by its allOf is held, since it says the same', () => {
    const { schema, missing } = heldSchema(doubling(25, (next) => ({ allOf: [next, next] })))
    expect(missing).toEqual([])
    expect(schema).toEqual(heldSchema(doubling(25, (next) => ({ allOf: [next] }))).schema)
  })

  test('by its choices beside a bound is refused', () => {
    const tooMany = ['references and choices that come to a schema of too many parts']
    expect(heldSchema(doubling(25, (next) => ({ minLength: 1, anyOf: [next, next] }))).missing).toEqual(tooMany)
  })
})

test('counts of a schema are held up to 20,000 together, and the others named', () => {
  const texts = closed(
    Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`k${i}`, { type: 'string', maxLength: 200 }])),
  )
  const { schema, missing } = heldSchema(texts)
  expect(missing).toEqual(['a maxLength beside so many others'])
  expect(schema?.properties).toMatchObject({ k99: { type: 'string', maxLength: 200 }, k100: { type: 'string' } })
  const even = { type: 'integer', minimum: 0, maximum: 9000, multipleOf: 2 }
  const numbers = heldSchema(closed(Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`k${i}`, even]))))
  expect(numbers.missing).toEqual(['multipleOf with so many multiples'])
})

test('a schema of long names is refused', () => {
  const { schema, missing } = heldSchema(closed({ ['k'.repeat(70_000)]: one }))
  expect(schema).toBeUndefined()
  expect(missing).toEqual(['names, values and bounds of more than 65536 characters'])
})

test('a long chain of references is refused', () => {
  const { missing } = heldSchema(doubling(300, (next) => closed({ a: next })))
  expect(missing).toEqual(['references and choices that come to a schema of too many parts'])
})
