/** Calls fit schemas whose keywords stand beside each other: a grammar reads one of them alone. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/chat/types.js'
import type { TurnFinish, TurnRequest } from '../../src/turn/types.js'
import { randomSpeaker, SPEAKERS, type Speaker } from '../support/random-speaker.js'

const ajv = new Ajv2020({ strict: false, logger: false, ownProperties: true })
const object = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({ type: 'object', properties, ...more })
const closed = (properties: JsonObject, required = Object.keys(properties)): JsonObject =>
  object(properties, { required, additionalProperties: false })

/** Of one argument. */
const SCHEMAS: [string, JsonObject][] = [
  ['values of other types in an enum', { type: 'string', enum: ['a', 1, null] }],
  ['a pattern beside types', { type: ['string', 'null'], pattern: '^x+$' }],
  ['bounds without a type', { minimum: 3, maximum: 5 }],
  ['a choice beside a type', { type: 'string', anyOf: [{ maxLength: 2 }, { const: 'hello' }] }],
  [
    'a choice of needed properties',
    {
      ...closed({ a: { type: 'boolean' }, b: { type: 'null' } }, []),
      anyOf: [{ required: ['a'] }, { required: ['b'] }],
    },
  ],
  ['an allOf of bounds', { allOf: [{ type: 'integer', minimum: 3 }, { maximum: 5 }] }],
  [
    'an allOf beside properties',
    { ...object({ a: { const: 1 } }), allOf: [closed({ a: true, b: { const: 2 } })] as never },
  ],
  ['a reference with keywords', { $ref: '#/$defs/text', maxLength: 2 }],
  [
    'a choice in which one fits',
    {
      oneOf: [
        { type: 'string', maxLength: 3 },
        { type: 'integer', maximum: 9 },
      ],
    },
  ],
  ['a needed property that is not described', object({}, { required: ['zz'], additionalProperties: { const: 2 } })],
  ['large integers', { type: 'integer', minimum: 1e18, maximum: 1e19 }],
  ['bounds that are fractions', { type: 'integer', exclusiveMinimum: 1.5, maximum: 3.5 }],
  ['a pattern of other alphabets', { type: 'string', pattern: '^[äöü]{1,3}日$' }],
  ['a format beside a pattern', { type: 'string', format: 'uuid', pattern: '^a$' }],
  [
    'a tuple in the older spelling',
    { type: 'array', items: [{ const: 1 }, { const: 2 }], additionalItems: false } as never,
  ],
  [
    'other properties than those with signs',
    object({ 'a"b': { const: 1 }, größe: { const: 2 } }, { maxProperties: 3 }),
  ],
]

describe.each(SPEAKERS.slice(0, 2))('calls as $format', (kind) => {
  let speaker: Speaker
  beforeAll(async () => {
    speaker = await randomSpeaker(kind)
  })
  afterAll(() => speaker.close())

  test.each(SCHEMAS)('fit a schema with %s', async (name, schema) => {
    const whole = { ...closed({ v: schema }), $defs: { text: { type: 'string', minLength: 1 } } }
    // Gemma 4's calls have no property with a quote.
    const isStrict = !(kind.format === 'gemma4' && name.includes('signs'))
    const fits = ajv.compile(draft2020(whole))
    const misfits: unknown[] = []
    for (let seed = 0; seed < 4; seed += 1) {
      const tools = [{ name: 'do', description: '', schema: whole, ...(isStrict && { strict: true as const }) }]
      const chat = { messages: [], tools, thinking: false }
      const request: Partial<TurnRequest> = {
        ...{ chat, toolChoice: { type: 'any' }, parallelCalls: false, maxTokens: 600, sampling: { seed } },
      }
      const parts = await speaker.answer(request)
      if ((parts.at(-1) as TurnFinish).reason === 'length') continue
      const call = parts.find((part) => part.type === 'tool_call')
      if (isStrict && !(call && fits(call.input))) misfits.push(call ?? parts)
    }
    expect(misfits).toEqual([])
  })
})

/** ajv reads only the newer spelling of a tuple. */
function draft2020(schema: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(schema), (_key, value) =>
    Array.isArray(value?.items) ? { ...value, prefixItems: value.items, items: value.additionalItems } : value,
  )
}
