/** A tool's definition as the model is shown it: nothing that matters is left out, and no schema is too large. */
import { describe, expect, test } from 'vitest'
import { FAMILIES } from '../../src/chat/families.js'
import { MAX_SCHEMA_CHARACTERS, shownSchema } from '../../src/chat/templates/shown-schema.js'
import type { ChatFamily, JsonObject } from '../../src/chat/types.js'
import { cpuTime } from '../support/cpu-time.js'

const object = (x: JsonObject, more: JsonObject = {}): JsonObject => ({ type: 'object', properties: { x }, ...more })

function prompt(family: string, schema: JsonObject): string {
  const chat = { messages: [], tools: [{ name: 'T', description: '', schema }], thinking: false }
  const pieces = (FAMILIES[family] as ChatFamily).render(chat)
  return pieces.map((piece) => (typeof piece === 'string' ? piece : 'control' in piece ? piece.control : '')).join('')
}

/** Gemma 4's declaration of the property x, with " for its quotes. */
function declared(x: JsonObject, more: JsonObject = {}): string | undefined {
  return /parameters:\{properties:\{x:(.*)\},type:"OBJECT"\}\}/.exec(
    prompt('gemma4', object(x, more)).replaceAll('<|"|>', '"'),
  )?.[1]
}

const DEFS: JsonObject = {
  F: { type: 'object', description: 'A filter', properties: { w: { type: 'string' }, n: { $ref: '#/$defs/F' } } },
}

test.each<[JsonObject, string]>([
  [
    { $ref: '#/$defs/F' },
    '{description:"A filter",properties:{n:{description:"F, as above",properties:{},type:"OBJECT"},w:{type:"STRING"}},type:"OBJECT"}',
  ],
  [{ anyOf: [{ type: 'integer' }, { type: 'null' }], default: null }, '{nullable:true,default:null,type:"INTEGER"}'],
  [{ const: 'a' }, '{enum:["a"],type:"STRING"}'],
  [{ type: 'integer', enum: [1, 2] }, '{enum:[1,2],type:"INTEGER"}'],
  [{ oneOf: [{ type: 'string' }, { type: 'boolean' }] }, '{oneOf:[{type:"STRING"},{type:"BOOLEAN"}],type:""}'],
  [{ allOf: [{ type: 'integer', minimum: 1 }], description: 'N' }, '{description:"N",minimum:1,type:"INTEGER"}'],
  [
    { type: 'string', format: 'uri', pattern: '^a', maxLength: 4 },
    '{format:"uri",pattern:"^a",maxLength:4,type:"STRING"}',
  ],
  [
    { type: 'object', additionalProperties: { type: 'integer' } },
    '{properties:{},additionalProperties:{type:"INTEGER"},type:"OBJECT"}',
  ],
  [{ type: 'array', prefixItems: [{ type: 'string' }] }, '{prefixItems:[{type:"STRING"}],type:"ARRAY"}'],
])('Gemma 4 is told %j', (x, expected) => expect(declared(x, { $defs: DEFS })).toBe(expected))

test('Gemma 4 is told the alternatives of a whole input', () => {
  const schema = { anyOf: [object({ type: 'string' }), object({ const: 7 })] }
  expect(prompt('gemma4', schema)).toContain('anyOf:[{properties:{x:{type:<|"|>STRING<|"|>}}')
})

test.each(['llama3', 'gemma3', 'gemma2'])('%s is told what a reference stands for, and no reference', (family) => {
  const text = prompt(family, object({ $ref: '#/$defs/F' }, { $defs: DEFS }))
  expect(text).toContain('A filter')
  expect(text).not.toContain('$ref')
})

test('a schema without references that is not too large is shown as it came', () => {
  const schema = object({ anyOf: [{ type: 'string' }, { type: 'null' }], default: null })
  expect(shownSchema(schema)).toBe(schema)
})

describe('a schema is cut to a bounded size in bounded time', () => {
  let deep: JsonObject = { type: 'string' }
  for (let i = 0; i < 20_000; i += 1) deep = object(deep)
  const branching = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [
      `D${i}`,
      { type: 'object', properties: { a: { $ref: `#/$defs/D${i + 1}` }, b: { $ref: `#/$defs/D${i + 1}` } } },
    ]),
  )
  const chain = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`D${i}`, { $ref: `#/$defs/D${i + 1}` }]))
  const wide = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`p${i}`, { type: 'string' }]))
  test.each<[string, JsonObject]>([
    ['deep', deep],
    ['references that branch', object({ $ref: '#/$defs/D0' }, { $defs: branching })],
    ['a chain of references', object({ $ref: '#/$defs/D0' }, { $defs: chain })],
    ['many properties', { type: 'object', properties: wide }],
    ['a long text', object({ type: 'string', description: 'x'.repeat(1_000_000) })],
    ['a long enum', object({ enum: Array.from({ length: 200_000 }, (_, i) => i) })],
  ])('%s', (_, schema) => {
    const began = cpuTime()
    expect(JSON.stringify(shownSchema(schema)).length).toBeLessThan(2 * MAX_SCHEMA_CHARACTERS)
    expect(cpuTime() - began).toBeLessThan(2000)
  })
})
