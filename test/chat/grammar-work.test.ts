/** Reading a schema for a grammar is bounded work, and what is said of it is short. */
import { describe, expect, test } from 'vitest'
import { heldSchema } from '../../src/chat/grammar/held-schema.js'
import { beginApart } from '../../src/chat/grammar/objects.js'
import type { JsonObject } from '../../src/chat/types.js'

/** A schema that counts how often its keyword `type` is read. */
function counted(schema: JsonObject): { schema: JsonObject; reads: () => number } {
  let reads = 0
  const proxy = new Proxy(schema, {
    get(target, key, self) {
      if (key === 'type') reads += 1
      return Reflect.get(target, key, self)
    },
  })
  return { schema: proxy, reads: () => reads }
}

/** Each definition has the next one twice: 2 to the 30th in all. */
function doubled(last: JsonObject, twice: (next: JsonObject) => JsonObject): JsonObject {
  const definitions = Array.from({ length: 30 }, (_, i) => [`d${i}`, twice({ $ref: `#/$defs/d${i + 1}` })])
  return { $ref: '#/$defs/d0', $defs: Object.fromEntries([...definitions, ['d30', last]]) }
}

describe('a schema that comes again and again', () => {
  test('in an allOf says nothing new', () => {
    const { schema, reads } = counted({ type: 'string' })
    const held = heldSchema(doubled(schema, (next) => ({ allOf: [next, next] })))
    expect(held.missing).toEqual([])
    expect(JSON.stringify(held.schema)).toContain('"string"')
    expect(reads()).toBeLessThan(20)
  })

  test('in choices is read once, and followed as often as its size allows', () => {
    const { schema, reads } = counted({ type: 'string' })
    const held = heldSchema(doubled(schema, (next) => ({ minLength: 1, anyOf: [next, next] })))
    expect(held.missing).toEqual([expect.stringContaining('references and choices')])
    expect(reads()).toBeLessThan(20)
  })

  test('in choices of choices ends sooner in a small schema', () => {
    let visits = 0
    const part = (key: string) =>
      new Proxy<JsonObject>(
        { required: [key] },
        {
          get(target, key, self) {
            if (key === 'allOf') visits += 1
            return Reflect.get(target, key, self)
          },
        },
      )
    const product = (size: number) => ({
      allOf: Array.from({ length: size }, (_, k) => ({
        anyOf: Array.from({ length: size }, (_, i) => part(`${k}_${i}`)),
      })),
    })
    for (const size of [6, 8, 12]) {
      visits = 0
      const schema = product(size)
      expect(heldSchema(schema).missing).toEqual([expect.stringContaining('references and choices')])
      expect(visits).toBeGreaterThan(10)
      expect(visits).toBeLessThan(500 + JSON.stringify(schema).length)
    }
  })

  test('with each of many choices, as a base of all, is held', () => {
    const note = { type: 'string', description: 'What it is, in a few words.' }
    const base = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`property_${i}`, note]))
    const variant = (i: number) => ({ properties: { kind: { const: `kind_${i}` } }, required: ['kind'] })
    const schema = { type: 'object', properties: base, anyOf: Array.from({ length: 20 }, (_, i) => variant(i)) }
    const { missing } = heldSchema(schema)
    expect(missing.filter((one) => one.includes('too many parts'))).toEqual([])
  })
})

test('definitions are searched once for all names', () => {
  let reads = 0
  const definition = (i: number) =>
    new Proxy<JsonObject>(
      { $anchor: `a${i}`, type: 'string' },
      {
        get(target, key, self) {
          if (key === '$anchor') reads += 1
          return Reflect.get(target, key, self)
        },
      },
    )
  const $defs = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`d${i}`, definition(i)]))
  const properties = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`p${i}`, { $ref: `#a${i}` }]))
  expect(heldSchema({ type: 'object', properties, $defs }).missing).toEqual([])
  // Beside the search, what lists or copies all keywords reads it, too.
  expect(reads).toBeLessThan(400 * 10)
})

test('a reference of many steps is not followed', () => {
  const long = `#/${'$defs/'.repeat(1000)}a`
  const at: JsonObject = Array.from({ length: 20 }).reduce<JsonObject>((inner) => ({ $defs: inner }), { a: true })
  const held = heldSchema({ ...at, properties: { a: { $ref: long } } })
  expect(held.missing).toEqual([expect.stringContaining('leads nowhere')])
})

describe('what is not held is named in short, whatever the client wrote', () => {
  const long = 'x'.repeat(100_000)
  test.each<[string, JsonObject]>([
    ['type', { type: long }],
    ['type', { type: [long, long] }],
    ['minimum', { minimum: long }],
    ['minLength', { minLength: [long] }],
    ['required', { required: [long], patternProperties: { '^a$': {} }, additionalProperties: false }],
    ['required', { type: 'object', required: [long], additionalProperties: false }],
    ['half a character', { type: 'object', required: [`\ud800${long}`] }],
    ['$ref', { $ref: `#/${long}` }],
    ['pattern', { type: 'string', pattern: long }],
    ['pattern', { type: 'object', patternProperties: { [long]: {} } }],
  ])('%s', (construct, schema) => {
    const { missing } = heldSchema(schema)
    expect(missing[0]).toContain(construct)
    expect(missing.join('').length).toBeLessThan(2000)
  })

  test('and not a thousand times', () => {
    const properties = Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`k${i}`, { minimum: `${i}` }]))
    expect(heldSchema({ type: 'object', properties }).missing).toHaveLength(100)
  })
})

describe('names of patterns and properties', () => {
  /** As it is meant: each pair by itself. */
  function pairsApart(beginnings: string[], names: string[]): boolean {
    const begin = (a: string, b: string) => a.startsWith(b) || b.startsWith(a)
    return beginnings.every((one, i) => [...beginnings.slice(i + 1), ...names].every((other) => !begin(one, other)))
  }

  test('are apart where no pair of them begins alike', () => {
    const words = ['a', 'ab', 'abc', 'b', 'ba', 'bab', 'c', 'ca', '\u{1F600}', 'z', 'zz', '']
    let apart = 0
    for (let seed = 0; seed < 20_000; seed += 1) {
      const chosen = (count: number, step: number) =>
        Array.from(
          { length: count },
          (_, i) => words[(seed * step + i * i * 7 + Math.floor(seed / 12)) % words.length] ?? '',
        )
      const patterns = chosen(1 + (seed % 3), 5)
      const names = [...new Set(chosen(seed % 4, 11))]
      const isApart = pairsApart(patterns, names)
      apart += isApart ? 1 : 0
      expect(beginApart(patterns, names)).toBe(isApart)
    }
    expect(apart).toBeGreaterThan(1000)
    expect(apart).toBeLessThan(19_000)
  })

  test('are compared with their neighbours alone', () => {
    const texts = Array.from({ length: 2000 }, (_, i) => `x${String(i).padStart(4, '0')}`)
    const original = String.prototype.startsWith
    let comparisons = 0
    String.prototype.startsWith = function (this: string, ...given: [string, number?]) {
      comparisons += 1
      return original.apply(this, given)
    }
    try {
      expect(beginApart(texts.slice(0, 1000), texts.slice(1000))).toBe(true)
    } finally {
      String.prototype.startsWith = original
    }
    expect(comparisons).toBeLessThan(5000)
  })
})
