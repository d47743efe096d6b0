/** Which schemas are too large for a grammar, and how that is said. */
import { describe, expect, test, vi } from 'vitest'
import { unbounded } from '../../src/chat/grammar/bounds.js'
import { patternFault } from '../../src/chat/grammar/pattern.js'
import type { JsonObject } from '../../src/chat/types.js'

const object = (properties: JsonObject): JsonObject => ({ type: 'object', properties })

function nested(levels: number): JsonObject {
  let schema: JsonObject = { type: 'string' }
  for (let i = 0; i < levels; i += 1) schema = { type: 'array', items: schema }
  return schema
}

test('a schema of everyday parts is compiled', () => {
  const schema = object({ a: { type: 'string', pattern: '^a{2,5}$' }, b: { enum: [1, 'x', null] } })
  expect(unbounded(schema)).toBeUndefined()
})

describe('a schema is refused with its construct', () => {
  test.each<[string, JsonObject, string]>([
    [
      'with many patterns that repeat',
      object(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, { pattern: '^.{0,150}$' }]))),
      'more than 2000 times',
    ],
    [
      'with many patterns of names that repeat',
      { patternProperties: Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`^x${i}_.{0,150}$`, true])) },
      'more than 2000 times',
    ],
    ['that requires much', { required: Array.from({ length: 3000 }, (_, i) => `r${i}`) }, 'required'],
    ['of many types', { type: Array.from({ length: 3000 }, () => 'string') }, 'type'],
    [
      'whose choices require much together',
      {
        allOf: Array.from({ length: 10 }, (_, k) => ({ required: Array.from({ length: 300 }, (_, i) => `${k}_${i}`) })),
      },
      'required',
    ],
    ['with a long enum', { enum: Array.from({ length: 5000 }, (_, i) => i) }, 'enum'],
    [
      'of a megabyte',
      object(Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`key${i}`, { type: 'string' }]))),
      'parts',
    ],
    ['that is deep', nested(900), 'levels deep'],
  ])('%s', (_name, schema, construct) => expect(unbounded(schema)).toContain(construct))
})

test('a pattern that is too long for a grammar is not searched', () => {
  const search = vi.spyOn(String.prototype, 'matchAll')
  try {
    const long = 'a{1,2}'.repeat(1000)
    expect(unbounded({ pattern: long, patternProperties: { [long]: true } })).toBeUndefined()
    expect(search).not.toHaveBeenCalled()
    expect(unbounded({ pattern: 'a{1,2}' })).toBeUndefined()
    expect(search).toHaveBeenCalledTimes(1)
  } finally {
    search.mockRestore()
  }
})

describe('a pattern', () => {
  test.each([
    ['(a{1,100}){1,100}', 'more than 200 times'],
    ['(', 'no regular expression'],
    ['a{1000}{1000}', 'no regular expression'],
    ['x|'.repeat(500), 'longer than'],
    ['^(?=a)b', 'ahead or behind'],
    ['^a(?<!b)', 'ahead or behind'],
    ['^(a)\\1$', '\\1'],
    ['^(?<n>a)\\k<n>$', '\\k<n>'],
    ['^\\p{L}$', '\\p{L}'],
    ['^[\\p{L}]$', '\\p'],
    ['\\bword\\b', '\\b'],
    ['\\Aa\\Z', '\\A'],
    ['a^b', '^'],
    ['a$b', '$'],
    ['^a{,3}$', '{'],
    ['^[]$', 'empty class'],
    ['^\\ud83d$', 'half a character'],
  ])('%s is refused with its construct', (pattern, construct) => {
    expect(patternFault(pattern, true)).toContain(construct)
  })

  test.each([
    '^a',
    'a$',
    '^[a^$({]+$',
    '^(?:a|b)+?$',
    '^(?<n>a)$',
    '^\\u00e4\\u{1F600}$',
    '^\\$\\^\\.\\/$',
    '^[\\d\\-]{2,}$',
    '日本',
  ])('%s is compiled', (pattern) => expect(patternFault(pattern, false)).toBeUndefined())

  test.each(['^"$', '^a\\\\b$', '^a\\nb$', '^\\x00$', '^\\u{1f}$', 'a\tb'])(
    '%s is compiled only where texts have no escapes',
    (pattern) => {
      expect(patternFault(pattern, true)).toBeUndefined()
      expect(patternFault(pattern, false)).toContain('JSON writes in another way')
    },
  )
})
