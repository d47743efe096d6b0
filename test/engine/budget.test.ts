/** Engines of one process share one budget: what one has, the other cannot. */
import { expect, onTestFinished, test } from 'vitest'
import { loadEngine } from '../../src/engine/load.js'
import type { Engine, LoadOptions } from '../../src/engine/types.js'
import { collect, greedy } from '../support/checkpoints.js'
import { until } from '../support/until.js'

const DEMO = 'demo/model'
const MIB = 1 << 20

function someTokens(count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, i) => (i * 7919 + seed * 104729) % 1000)
}

async function load(options: LoadOptions): Promise<Engine> {
  const engine = await loadEngine(DEMO, { prefillChunk: 64, ...options })
  onTestFinished(() => engine.close())
  return engine
}

/** Room for the weights of two and some tokens. */
async function capFor(spare: number): Promise<number> {
  const engine = await loadEngine(DEMO, { prefillChunk: 64 })
  const { weights } = engine.info.memory
  await engine.close()
  return 2 * weights + spare
}

/** Watches what all have reserved until `work` is done. -> the most that was in use, by MLX's count */
async function most(engines: Engine[], work: Promise<unknown>): Promise<number> {
  let active = 0
  const look = () => {
    const [first] = engines
    // Each leaves out what the others count as theirs.
    const others = engines.slice(1).reduce((sum, engine) => {
      const { weights, kv, prefix } = engine.stats().memory
      return sum + weights + kv + prefix
    }, 0)
    active = Math.max(active, (first as Engine).stats().memory.active + others)
  }
  const timer = setInterval(look, 2)
  await work
  clearInterval(timer)
  look()
  return active
}

test('weights that do not fit beside another model are refused before they are read, with numbers', async () => {
  const cap = (await capFor(0)) - MIB
  const first = await load({})
  await expect(loadEngine(DEMO, { memoryCap: cap })).rejects.toMatchObject({
    code: 'memory_in_use',
    message: expect.stringMatching(/the weights need .* beside .* of other models, the memory cap is /),
  })
  await first.close()
  const second = await load({ memoryCap: cap + 8 * MIB })
  expect((await collect(second.generate(greedy([5, 6, 7], 3)))).tokens).toHaveLength(3)
})

test('requests of two models stay under one cap, and wait for each other', async () => {
  const cap = await capFor(24 * MIB)
  const engines = [await load({ memoryCap: cap }), await load({ memoryCap: cap })]
  const ask = (engine: Engine, seed: number) => collect(engine.generate(greedy(someTokens(1500, seed), 60)))
  const before = await ask(engines[0] as Engine, 1)
  const work = Promise.all(engines.flatMap((engine) => [1, 2, 3].map((seed) => ask(engine, seed))))
  const active = await most(engines, work)
  expect(active).toBeLessThan(cap)
  const answers = await work
  for (const { finish } of answers) expect(finish.reason).toBe('length')
  // The same tokens, whatever was dropped and whoever waited.
  expect(answers[0]?.tokens).toEqual(before.tokens)
  expect(answers[3]?.tokens).toEqual(before.tokens)
})

test('kept prefixes of one model make room for the requests of another', async () => {
  const cap = await capFor(24 * MIB)
  const keeps = await load({ memoryCap: cap })
  for (const seed of [1, 2, 3]) await collect(keeps.generate(greedy(someTokens(1500, seed), 5)))
  const kept = keeps.stats().memory.prefix
  const asks = await load({ memoryCap: cap })
  const tokens = Math.min(asks.info.window, Math.floor((24 * MIB * 0.6) / asks.info.memory.perToken))
  const { finish } = await collect(asks.generate(greedy(someTokens(tokens - 30, 4), 20)))
  expect(finish.reason).toBe('length')
  await until(() => keeps.stats().memory.prefix < kept)
  expect(keeps.stats().memory.active).toBeLessThan(cap)
})

test('a request that only fits without an idle model is refused, or waits until that is closed', async () => {
  const { weights, perToken } = await sizes()
  const cap = 2 * weights + 6 * MIB
  const idle = await load({ memoryCap: cap })
  for (const asksForRoom of [false, true]) {
    const engine = await load({ memoryCap: cap, asksForRoom })
    const tokens = Math.floor((6 * MIB) / perToken)
    const request = greedy(someTokens(Math.min(tokens, engine.info.window - 10), 1), 5)
    const answer = collect(engine.generate(request))
    if (!asksForRoom) {
      await expect(answer).rejects.toMatchObject({
        code: 'memory_in_use',
        message: expect.stringContaining('that other models take'),
      })
    } else {
      await until(() => engine.stats().memory.lacking > 0)
      expect(engine.stats()).toMatchObject({ live: 0, queued: 1 })
      await idle.close()
      expect((await answer).finish.reason).toBe('length')
      expect(engine.stats().memory.lacking).toBe(0)
    }
    await engine.close()
  }
})

test('a request that waits for the memory of another model can be cancelled, and its engine closed', async () => {
  const { weights, perToken } = await sizes()
  const cap = 2 * weights + 6 * MIB
  await load({ memoryCap: cap })
  const engine = await load({ memoryCap: cap, asksForRoom: true })
  const tokens = Math.min(Math.floor((6 * MIB) / perToken), engine.info.window - 10)
  const leaves = new AbortController()
  const cancelled = collect(engine.generate(greedy(someTokens(tokens, 1), 5), leaves.signal))
  await until(() => engine.stats().memory.lacking > 0)
  leaves.abort()
  expect((await cancelled).finish.reason).toBe('cancelled')
  const closed = collect(engine.generate(greedy(someTokens(tokens, 1), 5)))
  closed.catch(() => {})
  await until(() => engine.stats().queued === 1)
  await engine.close()
  await expect(closed).rejects.toMatchObject({ code: 'closed' })
})

async function sizes(): Promise<{ weights: number; perToken: number }> {
  const engine = await loadEngine(DEMO, { prefillChunk: 64 })
  await engine.close()
  return engine.info.memory
}
