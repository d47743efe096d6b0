/** Arguments: the one reading that a tool's schema allows is taken, and numbers keep their digits. */
import { describe, expect, test } from 'vitest'
import { readOutput } from '../../src/chat/read-output.js'
import type { JsonObject, JsonValue, Part } from '../../src/chat/types.js'
import { cpuTime } from '../support/cpu-time.js'

/** Reads `{"x": written}` as the input of a tool with this property, and these definitions. */
function readAs(schema: JsonValue, written: string, $defs: JsonObject = {}): Extract<Part, { type: 'tool_call' }> {
  const input_schema = { type: 'object', properties: { x: schema }, $defs }
  const raw = `{"name": "act", "parameters": {"x": ${written}}}`
  const [part] = readOutput([raw], { family: 'llama3', tools: [{ name: 'act', input_schema }] })
  if (part?.type !== 'tool_call') throw new Error(`no call: ${raw}`)
  return part
}

const DEFS: JsonObject = {
  Count: { type: 'integer', minimum: 1 },
  Chain: { $ref: '#/$defs/Count' },
  Node: { type: 'object', properties: { size: { type: 'integer' }, next: { $ref: '#/$defs/Node' } } },
  'a/b~c d': { type: 'boolean' },
  Loop: { $ref: '#/$defs/Loop' },
  Named: { $anchor: 'named', type: 'integer' },
}

describe('a value becomes the one thing that its schema allows', () => {
  test.each<[string, JsonValue, string, JsonValue]>([
    ['an integer in quotes', { type: 'integer' }, '"50"', 50],
    ['a number in quotes with blanks', { type: 'number' }, '" 2.5 "', 2.5],
    ['a boolean as Python writes it', { type: 'boolean' }, '"False"', false],
    ['null in quotes', { anyOf: [{ type: 'integer' }, { type: 'null' }] }, '"null"', null],
    ['None in quotes', { type: ['array', 'null'] }, '"None"', null],
    ['an integer or null', { anyOf: [{ type: 'integer' }, { type: 'null' }] }, '"7"', 7],
    ['an integer or a boolean', { oneOf: [{ type: 'integer' }, { type: 'boolean' }] }, '"true"', true],
    ['a list as Python writes it', { type: 'array', items: { type: 'string' } }, `"['a', \\"b\\"]"`, ['a', 'b']],
    ['a list of lists in quotes', { type: 'array', items: { type: 'array' } }, '["[1]"]', [[1]]],
    [
      'what a tuple wants',
      { type: 'array', prefixItems: [{ type: 'string' }, { type: 'integer' }] },
      '[1, "2"]',
      ['1', 2],
    ],
    ['a reference', { $ref: '#/$defs/Count' }, '"3"', 3],
    ['a reference to a reference', { $ref: '#/$defs/Chain' }, '"3"', 3],
    ['a reference with escapes', { $ref: '#/$defs/a~1b~0c%20d' }, '"true"', true],
    ['a reference by its anchor', { $ref: '#named' }, '"3"', 3],
    ['a reference or null', { anyOf: [{ $ref: '#/$defs/Count' }, { type: 'null' }] }, '"3"', 3],
    [
      'a recursive reference',
      { $ref: '#/$defs/Node' },
      '{"next": {"next": {"size": "4"}}}',
      { next: { next: { size: 4 } } },
    ],
    ['an allOf', { allOf: [{ $ref: '#/$defs/Count' }], description: 'x' }, '"3"', 3],
    ['a value of an enum of numbers', { enum: [1, 2] }, '"2"', 2],
    ['a constant', { const: 5 }, '"5"', 5],
    ['a value of an enum of text', { enum: ['1', '2'] }, '2', '2'],
    ['other keys', { type: 'object', additionalProperties: { type: 'number' } }, '{"a": "1"}', { a: 1 }],
    [
      'the alternative whose constant fits',
      {
        anyOf: [
          { type: 'object', properties: { kind: { const: 'a' }, n: { type: 'integer' } }, required: ['kind'] },
          { type: 'object', properties: { kind: { const: 'b' }, n: { type: 'string' } }, required: ['kind'] },
        ],
      },
      '{"kind": "a", "n": "1"}',
      { kind: 'a', n: 1 },
    ],
    ['text, where only a bound forbids the number', { type: 'string' }, '2662', '2662'],
    [
      'the integer, where the text would be too long',
      { anyOf: [{ type: 'string', maxLength: 1 }, { type: 'integer' }] },
      '"50"',
      50,
    ],
    ['the integer, though it is out of bounds', { type: 'integer', maximum: 10 }, '"50"', 50],
    [
      'a list in quotes whose items do not fit',
      { type: 'array', items: { type: 'object', required: ['a'] } },
      '"[{}]"',
      [{}],
    ],
    ['a type in capitals', { type: 'INTEGER' }, '"1"', 1],
  ])('%s', (_, schema, written, value) => expect(readAs(schema, written, DEFS).input.x).toEqual(value))
})

describe('a value with several readings, or none, stays as it was written', () => {
  test.each<[string, JsonValue, string, JsonValue]>([
    ['text or integer', { type: ['string', 'integer'] }, '"50"', '50'],
    ['text or integer, without quotes', { type: ['string', 'integer'] }, '50', 50],
    ['text or null', { anyOf: [{ type: 'string' }, { type: 'null' }] }, '"null"', 'null'],
    ['anything', {}, '"50"', '50'],
    ['true', true, '"50"', '50'],
    ['a reference that leads nowhere', { $ref: '#/$defs/None' }, '"50"', '50'],
    ['a reference to another document', { $ref: 'https://example.com/x' }, '"50"', '50'],
    ['a reference to itself', { $ref: '#/$defs/Loop' }, '"50"', '50'],
    ['words where a number is wanted', { type: 'integer' }, '"five"', 'five'],
    ['an unusual number', { type: 'integer' }, '"0x10"', '0x10'],
    ['a fraction where an integer is wanted', { type: 'integer' }, '"2.5"', '2.5'],
    ['null where text is wanted', { type: 'string' }, 'null', null],
    ['an object where text is wanted', { type: 'string' }, '{"a": 1}', { a: 1 }],
    [
      'two alternatives that read it differently',
      {
        anyOf: [
          { type: 'object', properties: { a: { type: 'integer' } } },
          { type: 'object', properties: { a: { type: 'boolean' }, b: { type: 'integer' } } },
        ],
      },
      '{"a": [], "b": "1"}',
      { a: [], b: '1' },
    ],
  ])('%s', (_, schema, written, value) => expect(readAs(schema, written, DEFS).input.x).toEqual(value))
})

describe('a number keeps its digits', () => {
  test.each<[string, JsonValue, string, string]>([
    ['a long integer', { type: 'integer' }, '12345678901234567890', '12345678901234567890'],
    ['a long integer in quotes', { type: 'integer' }, '"-9007199254740993"', '-9007199254740993'],
    ['a long decimal', { type: 'number' }, '3.14159265358979323846', '3.14159265358979323846'],
    ['without a schema', {}, '0.1000000000000000055511151231257827', '0.1000000000000000055511151231257827'],
    ['an integer of 400 digits', { type: 'integer' }, '9'.repeat(400), '9'.repeat(400)],
    ['within lists', { type: 'array', items: { type: 'integer' } }, '["9007199254740993", 2]', '[9007199254740993,2]'],
    ['as text', { type: 'string' }, '12345678901234567890.10', '"12345678901234567890.10"'],
    ['with a trailing zero, as text', { type: 'string' }, '1.10', '"1.10"'],
    ['as a power, as text', { type: 'string' }, '1E5', '"1E5"'],
  ])('%s', (_, schema, written, json) => {
    const part = readAs(schema, written)
    expect(part.json ?? JSON.stringify(part.input)).toBe(`{"x":${json}}`)
  })

  test.each(['1.50', '2e3', '-0', '100'])('%s needs no more than a JavaScript number', (written) => {
    expect(readAs({ type: 'number' }, written)).toEqual({
      type: 'tool_call',
      name: 'act',
      input: { x: Number(written) },
    })
  })
})

test.each<[string, JsonValue, JsonObject]>([
  [
    'that doubles the work at each level',
    { $ref: '#/$defs/T' },
    {
      T: {
        anyOf: ['a', 'b'].map(
          (b): JsonObject => ({ type: 'object', properties: { [b]: {}, n: { $ref: '#/$defs/T' } } }),
        ),
      },
    },
  ],
  [
    'of references that branch',
    { $ref: '#/$defs/T0' },
    Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`T${i}`, { anyOf: Array(8).fill({ $ref: `#/$defs/T${i + 1}` }) }]),
    ),
  ],
])('a schema %s is left alone in bounded time', (_, schema, defs) => {
  const began = cpuTime()
  const deep = `${'{"n": '.repeat(100)}"x"${'}'.repeat(100)}`
  expect(readAs(schema, deep, defs).input.x).toEqual(JSON.parse(deep))
  expect(cpuTime() - began).toBeLessThan(5000)
})
