/** Calls of models with random weights: whatever is asked of them, they parse and fit their schemas. */
import { Ajv } from 'ajv'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ChatTool, JsonObject, JsonValue } from '../../src/chat/types.js'
import type { TurnFinish, TurnRequest } from '../../src/turn/types.js'
import { seeded } from '../support/random.mjs'
import { randomSpeaker, SPEAKERS, type Speaker } from '../support/random-speaker.js'

const random = seeded(7)
const ajv = new Ajv({ strict: false, logger: false, ownProperties: true })

// Of each format. TETHER_CALLS=400 makes the 2,000 that are run before a release.
const CALLS = Number(process.env.TETHER_CALLS ?? 12)
const WORDS = ['name', 'file-path', 'größe', 'n', '名前', '-A', 'x.y', 'toString', 'length']

/** A value's schema. What random text would hardly ever end has a bound. */
function someSchema(depth: number): JsonObject {
  const kind = random.below(depth > 0 ? 11 : 7)
  switch (kind) {
    case 0:
      return { type: 'string' }
    case 1:
      return { enum: ['a', 'ü "b"', 3, null, true, ''] }
    case 2:
      return { type: 'integer', minimum: -5, maximum: 1000 }
    case 3:
      return { type: 'boolean' }
    case 4:
      return { const: random.pick(['only', 7, false]) }
    case 5:
      return { type: 'string', pattern: random.pick(['^[a-f0-9]{4}$', '^(yes|no)$', '^\\d{2}:\\d{2}$']) }
    case 6:
      // Not `number`: a grammar allows 1e99999, which no reader takes.
      return { type: ['integer', 'null'] }
    case 7:
      return { anyOf: [someSchema(depth - 1), { type: 'null' }] }
    case 8:
      return { type: 'array', items: someSchema(depth - 1), minItems: random.below(2), maxItems: 3 }
    case 9:
      return { $ref: '#/$defs/pair' }
    default:
      return someObject(depth - 1)
  }
}

function someObject(depth: number): JsonObject {
  const names = WORDS.filter(() => random.chance(0.4))
  const properties = Object.fromEntries(names.map((name) => [name, someSchema(depth)]))
  return { type: 'object', properties, required: names.filter(() => random.chance(0.6)), additionalProperties: false }
}

function someTool(i: number): ChatTool {
  const pair = { type: 'object', properties: { l: { type: 'boolean' }, r: { enum: [1, 2] } }, required: ['l'] }
  return { name: `tool_${i}`, description: '', schema: { ...someObject(2), $defs: { pair } } }
}

const LISTS: ChatTool[][] = [
  ...Array.from({ length: 18 }, () => Array.from({ length: 1 + random.below(6) }, (_, i) => someTool(i))),
  Array.from({ length: 40 }, (_, i) => someTool(i)),
  [{ name: 'nothing', description: '', schema: { type: 'object', properties: {} } }],
]

function request(tools: ChatTool[], seed: number): Partial<TurnRequest> {
  const chat = { messages: [], tools, thinking: false }
  return { chat, toolChoice: { type: 'any' }, parallelCalls: false, maxTokens: 3900, sampling: { seed } }
}

function faultOf(tools: ChatTool[], name: string, input: JsonValue): string | undefined {
  const schema = tools.find((tool) => tool.name === name)?.schema
  if (!schema) return `no tool ${name}`
  const fits = ajv.compile(schema)
  return fits(input) ? undefined : `${name}: ${ajv.errorsText(fits.errors)} in ${JSON.stringify(input)}`
}

describe.each(SPEAKERS)('a model that writes calls as $format', (kind) => {
  let speaker: Speaker
  beforeAll(async () => {
    speaker = await randomSpeaker(kind)
  })
  afterAll(() => speaker.close())

  test('makes only calls that parse and fit their schemas, and nearly all of them end', {
    timeout: 900_000,
  }, async () => {
    const faults: string[] = []
    let ended = 0
    for (let i = 0; i < CALLS; i += 1) {
      const tools = LISTS[i % LISTS.length] as ChatTool[]
      const parts = await speaker.answer(request(tools, i))
      const finish = parts.at(-1) as TurnFinish
      const call = parts.find((part) => part.type === 'tool_call')
      if (finish.reason === 'length') continue
      ended += 1
      const fault = call ? faultOf(tools, call.name, call.input) : `no call: ${JSON.stringify(parts).slice(0, 400)}`
      if (fault) faults.push(fault)
    }
    expect(faults).toEqual([])
    expect(ended).toBeGreaterThanOrEqual(Math.floor(CALLS * 0.95))
  })
})
