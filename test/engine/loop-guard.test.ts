/** Answers that repeat themselves: what the demo model writes after random tokens. */
import { afterAll, expect, test } from 'vitest'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'
import { loadEngine } from '../../src/engine/load.js'
import type { Finish } from '../../src/engine/types.js'
import { collect, greedy } from '../support/checkpoints.js'
import { loopsAmong, loopsAmongAsked, ordinaryEnds } from '../support/loops.js'
import { LOOPS } from '../support/repetition-requests.mjs'
import { repetitiveTexts } from '../support/repetitive-texts.mjs'

const engine = await loadEngine('demo/model')
/** Arbitrary tokens, the same for the same seed. */
const someTokens = (count: number, seed: number) =>
  Array.from({ length: count }, (_, i) => 300 + ((i * 37 * seed) % 2000))
afterAll(() => engine.close())

async function write(seed: number, loopGuard: boolean): Promise<{ tokens: number[]; finish: Finish }> {
  return collect(engine.generate({ ...greedy(someTokens(30, seed), 4000), loopGuard }))
}

/** The same answer where nothing ends it. */
const free = await write(1, false)

test('an answer that repeats itself is ended after its limit, and counted', async () => {
  expect(free.finish.reason).toBe('length')
  const before = engine.stats().loops
  const { tokens, finish } = await write(1, true)
  expect(finish.reason).toBe('loop')
  expect(engine.stats().loops).toBe(before + 1)
  expect(tokens.length).toBeGreaterThan(1024)
  expect(tokens.length).toBeLessThan(3500)
  expect(tokens.slice(0, 1024)).toEqual(free.tokens.slice(0, 1024))
})

test('an answer that was asked to repeat itself is ended later, and ended all the same', async () => {
  const request = { ...greedy(someTokens(30, 1), 4000), loopGuard: true }
  const asked = await collect(engine.generate({ ...request, repetition: { times: 0, tokens: 2000 } }))
  expect(asked.finish.reason).toBe('loop')
  expect(asked.tokens.length).toBeGreaterThan(2500)
  expect(asked.tokens.slice(0, 2500)).toEqual(free.tokens.slice(0, 2500))
  const all = await collect(engine.generate({ ...request, repetition: { times: 10_000, tokens: 0 } }))
  expect(all).toMatchObject({ tokens: free.tokens, finish: { reason: 'length' } })
})

test.each([
  [{ times: -1, tokens: 0 }, /^times must be /],
  [{ times: 0, tokens: 1.5 }, /^tokens must be /],
  [{ times: 1 }, /^tokens must be /],
  ['often', /^repetition must be an object/],
])('%j is no repetition that can be asked for', async (repetition, message) => {
  const request = { ...greedy(someTokens(30, 1), 10), loopGuard: true, repetition: repetition as never }
  await expect(collect(engine.generate(request))).rejects.toThrow(message)
})

test('a loop beside another answer leaves that as it is', async () => {
  const alone = await collect(engine.generate(greedy(someTokens(40, 7), 200)))
  const [loop, other] = await Promise.all([
    write(2, true),
    collect(engine.generate({ ...greedy(someTokens(40, 7), 200), loopGuard: true })),
  ])
  expect(loop.finish.reason).toBe('loop')
  expect(other.tokens).toEqual(alone.tokens)
})

const tokenizer = await loadTokenizer('demo/model')

test('texts that should repeat themselves are no loop', () => {
  expect(loopsAmong(tokenizer, repetitiveTexts())).toEqual([])
})

test('what was asked for is no loop', () => {
  expect(loopsAmongAsked(tokenizer)).toEqual([])
})

test.each(Object.keys(LOOPS))('%s over and over is a loop, whatever numbers the request has', (name) => {
  expect(ordinaryEnds(tokenizer, name)).toEqual([])
})
