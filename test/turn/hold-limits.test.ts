/** Schemas that are hostile or broken: each is compiled or given up in bounded time, and what is not held is named. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ChatTool, JsonObject } from '../../src/chat/types.js'
import type { TurnFinish, TurnRequest } from '../../src/turn/types.js'
import { cpuTime } from '../support/cpu-time.js'
import { randomSpeaker, SPEAKERS, type Speaker } from '../support/random-speaker.js'
import { until } from '../support/until.js'

const object = (properties: JsonObject, more: JsonObject = {}): JsonObject => ({ type: 'object', properties, ...more })
const text = { type: 'string' }

function asking(schema: JsonObject, more: Partial<ChatTool> = {}): Partial<TurnRequest> {
  const tools = [{ name: 'do', description: '', schema, ...more }]
  const chat = { messages: [], tools, thinking: false }
  return { chat, toolChoice: { type: 'any' }, parallelCalls: false, maxTokens: 20 }
}

const megabyte = object(Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`a_rather_long_key_${i}`, text])))

/** What is refused, and the word that names it. */
const REFUSED: [string, JsonObject, string][] = [
  ['of a megabyte', megabyte, 'more than 2000 parts'],
  ['that leads to itself', { $ref: '#' }, '$ref'],
  ['that needs itself', object({ a: { $ref: '#' } }, { required: ['a'] }), '$ref'],
  ['with an enum of nothing', object({ a: { enum: [] } }, { required: ['a'] }), 'enum'],
  ['with a range of nothing', object({ a: { type: 'integer', minimum: 5, maximum: 1 } }, { required: ['a'] }), 'range'],
  ['with a pattern that repeats itself', object({ a: { type: 'string', pattern: '^(a{1,100}){1,100}$' } }), 'a{1,100}'],
  ['with a pattern that is none', object({ a: { type: 'string', pattern: '(' } }, { required: ['a'] }), '('],
]

/** What is compiled, as far as it goes, whatever that costs. */
const LARGE: [string, JsonObject][] = [
  ['a pattern of nested repetitions', object({ a: { type: 'string', pattern: '^(((a+)+)+)+$' } })],
  ['a pattern that remembers', object({ a: { type: 'string', pattern: '^(a|b)*a(a|b){60}$' } })],
  ['a pattern of many alternatives', object({ a: { type: 'string', pattern: `^(${'(a|ab|abc)?'.repeat(15)})*$` } })],
  ['a pattern of all letters', object({ a: { type: 'string', pattern: '^(\\w{1,14}\\W{0,14})+$' } })],
  ['many long patterns', many(60, (i) => ({ type: 'string', pattern: `^.{0,${150 + (i % 40)}}$` }))],
  ['many bounded texts', many(400, (i) => ({ type: 'string', maxLength: 100 + (i % 100) }))],
  ['many ranges', many(400, (i) => ({ type: 'integer', minimum: -i, maximum: 2 ** 52 + i }))],
  ['many properties in any number', many(900, () => text)],
  ['long enums', many(2, () => ({ enum: Array.from({ length: 900 }, (_, i) => `value number ${i}`) }))],
  ['30 levels of lists', Array.from({ length: 28 }).reduce<JsonObject>((items) => ({ type: 'array', items }), text)],
]

function many(count: number, schema: (i: number) => JsonObject): JsonObject {
  return object(Object.fromEntries(Array.from({ length: count }, (_, i) => [`key${i}`, schema(i)])))
}

describe.each(SPEAKERS.slice(0, 2))('calls as $format', (kind) => {
  let speaker: Speaker
  beforeAll(async () => {
    speaker = await randomSpeaker(kind)
  })
  afterAll(() => speaker.close())

  test.each(REFUSED)('by a schema %s are free, and that is said', async (name, schema, word) => {
    const said: string[] = []
    // What is said once is not said again of a tool of the same name.
    const own = { name: name.replaceAll(' ', '_') }
    await speaker.answer(asking(schema, own), { onUnheld: (reason) => said.push(reason) })
    await until(() => said.length > 0)
    expect(said.join('\n')).toContain(word)
    const finish = (await speaker.answer(asking(schema, own))).at(-1) as TurnFinish
    expect(finish.constrained?.failure).toBeUndefined()
    expect(finish.constrained?.tokens).toBeGreaterThan(0)
  })

  test.each(REFUSED)('by a strict schema %s are refused', async (_name, schema, word) => {
    const refused = speaker.answer(asking(schema, { strict: true }))
    await expect(refused).rejects.toMatchObject({ code: 'invalid_request', message: expect.stringContaining(word) })
  })

  test.each(LARGE)('by %s come in bounded time', async (_name, schema) => {
    const started = cpuTime()
    const wrapped = object({ in: schema }, { required: ['in'] })
    const finish = (await speaker.answer(asking(wrapped))).at(-1) as TurnFinish
    expect(cpuTime() - started).toBeLessThan(10_000)
    expect(finish.type).toBe('finish')
  })

  test('of a turn that is given up are not waited for', async () => {
    const controller = new AbortController()
    const answer = speaker.answer(asking(many(300, (i) => ({ type: 'integer', minimum: -i, maximum: 2 ** 50 + i }))), {
      signal: controller.signal,
    })
    controller.abort()
    await expect(answer).rejects.toMatchObject({ code: 'cancelled' })
  })
})

test('a model that is closed ends what it compiles', async () => {
  const speaker = await randomSpeaker(SPEAKERS[0] as (typeof SPEAKERS)[number])
  const answer = speaker.answer(asking(many(900, (i) => ({ type: 'integer', minimum: -i, maximum: 2 ** 50 + i }))))
  const ended = expect(answer).rejects.toMatchObject({ code: expect.stringMatching(/^(?:closed|cancelled)$/) })
  await new Promise((resolve) => setTimeout(resolve, 50))
  const started = cpuTime()
  await speaker.close()
  // A busy machine takes seconds for the part that is being compiled.
  expect(cpuTime() - started).toBeLessThan(10_000)
  await ended
})
