/** Answers that repeat themselves: what the demo model writes after random tokens. */
import { afterAll, expect, test } from 'vitest'
import { loadBinding } from '../../src/binding.js'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'
import { loadEngine } from '../../src/engine/load.js'
import type { Finish } from '../../src/engine/types.js'
import { collect, greedy } from '../support/checkpoints.js'
import { repetitiveTexts } from '../support/repetitive-texts.mjs'

const engine = await loadEngine('demo/model')
/** Arbitrary tokens, the same for the same seed. */
const someTokens = (count: number, seed: number) =>
  Array.from({ length: count }, (_, i) => 300 + ((i * 37 * seed) % 2000))
afterAll(() => engine.close())

async function write(seed: number, loopGuard: boolean): Promise<{ tokens: number[]; finish: Finish }> {
  return collect(engine.generate({ ...greedy(someTokens(30, seed), 4000), loopGuard }))
}

test('an answer that repeats itself is ended after its limit, and counted', async () => {
  const free = await write(1, false)
  expect(free.finish.reason).toBe('length')
  const before = engine.stats().loops
  const { tokens, finish } = await write(1, true)
  expect(finish.reason).toBe('loop')
  expect(engine.stats().loops).toBe(before + 1)
  expect(tokens.length).toBeGreaterThan(1024)
  expect(tokens.length).toBeLessThan(3500)
  expect(tokens.slice(0, 1024)).toEqual(free.tokens.slice(0, 1024))
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

test('texts that should repeat themselves are no loop', async () => {
  const tokenizer = await loadTokenizer('demo/model')
  const { loopAt } = loadBinding()
  const tokens = (text: string) => tokenizer.encode(text, { special: false })
  const loops = Object.entries(repetitiveTexts()).flatMap(([name, text]) =>
    [false, true].map((inCall) => ({ name, inCall, at: loopAt(tokens(text), inCall) })),
  )
  expect(loops.filter(({ at }) => at >= 0)).toEqual([])
  expect(loopAt(tokens('I will read the file again, and then I will read it. '.repeat(400)), false)).toBeGreaterThan(0)
})
