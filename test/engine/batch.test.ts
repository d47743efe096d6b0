/** Requests that run together: each gets the tokens that it would get alone, in time, and its own finish. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadEngine } from '../../src/engine/load.js'
import type { Engine, Finish, GenerateRequest, TokenBatch } from '../../src/engine/types.js'
import { collect, greedy } from '../support/checkpoints.js'

const DEMO = 'demo/model'

/** Arbitrary tokens, the same for the same seed. */
function someTokens(count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, i) => 300 + ((i * 7919 + seed * 104729) % 2700))
}

describe('requests that run together', () => {
  let engine: Engine
  beforeAll(async () => {
    engine = await loadEngine(DEMO)
  })
  afterAll(() => engine.close())

  async function alone(request: GenerateRequest): Promise<number[]> {
    const other = await loadEngine(DEMO)
    const { tokens } = await collect(other.generate(request))
    await other.close()
    return tokens
  }

  test('draw the tokens that each would draw alone, whatever the others do', async () => {
    const requests = [40, 700, 3, 1500, 256, 257, 90, 600].map((length, i) => greedy(someTokens(length, 50 + i), 40))
    // Neighbours that sample, have a repetition penalty or end early.
    const odd: Partial<GenerateRequest>[] = [
      {},
      { temperature: 1, topK: 5, seed: 1 },
      { repetitionPenalty: 2 },
      { maxTokens: 3 },
    ]
    const neighbours = requests.map((request, i) => ({ ...request, ...odd[i % 4] }))
    const together = await Promise.all(neighbours.map((request) => collect(engine.generate(request))))
    for (const i of [0, 1, 4, 6]) {
      expect(together[i]?.tokens).toEqual(await alone(neighbours[i] as GenerateRequest))
      expect(together[i]?.finish.cachedTokens).toBe(0)
    }
    expect(together[3]?.tokens).toHaveLength(3)
  })

  test('draw the same tokens from the same seed as alone', async () => {
    const request = { ...greedy(someTokens(60, 60), 30), temperature: 2, topK: 50, seed: 7 }
    const beside = [61, 62].map((seed) => collect(engine.generate({ ...request, ...greedy(someTokens(60, seed), 30) })))
    const { tokens } = await collect(engine.generate(request))
    await Promise.all(beside)
    expect(tokens).toEqual(await alone(request))
  })

  test('do not wait for the prefill of a long prompt when their own is short', async () => {
    const order: string[] = []
    const long = new AbortController()
    const first = firstToken(engine.generate(greedy(someTokens(30_000, 63), 2), long.signal)).then(() =>
      order.push('long'),
    )
    await until(() => engine.stats().prefill.done > 0)
    expect(engine.stats()).toMatchObject({ live: 1, prefill: { total: 30_000 } })
    await firstToken(engine.generate(greedy(someTokens(1000, 64), 2))).then(() => order.push('short'))
    expect(order).toEqual(['short'])
    expect(engine.stats().prefill.done).toBeGreaterThan(0)
    long.abort()
    await first
  })

  test('continue the prefill of a long prompt while short ones keep coming', async () => {
    const long = new AbortController()
    // Of another length than the one before it, whose counters stay until the next pass.
    const reading = collect(engine.generate(greedy(someTokens(29_000, 65), 2), long.signal))
    await until(() => engine.stats().prefill.total === 29_000 && engine.stats().prefill.done > 0)
    let before = engine.stats().prefill.done
    for (let i = 0; i < 2; i++) {
      // Ten chunks of other prompts.
      let ended = false
      const short = Promise.all(
        [0, 1].map((n) => collect(engine.generate(greedy(someTokens(1280, 70 + 2 * i + n), 1)))),
      ).finally(() => {
        ended = true
      })
      // Seen while they run: counters follow a pass, and after them the long prompt goes on alone.
      await until(() => ended || engine.stats().prefill.done > before)
      const { done } = engine.stats().prefill
      expect(done).toBeGreaterThan(before)
      await short
      before = engine.stats().prefill.done
    }
    long.abort()
    expect((await reading).finish.reason).toBe('cancelled')
  })

  test('compute a shared beginning once, and draw the tokens that each would draw alone', async () => {
    const shared = someTokens(2000, 80)
    const requests = [81, 82, 83].map((seed) => greedy([...shared, ...someTokens(60, seed)], 10))
    const together = await Promise.all(requests.map((request) => collect(engine.generate(request))))
    expect(together.map(({ finish }) => finish.cachedTokens)).toEqual([0, shared.length, shared.length])
    for (const [i, request] of requests.entries()) expect(together[i]?.tokens).toEqual(await alone(request))
  })

  test('compute equal prompts once, and all draw the same tokens', async () => {
    const request = greedy(someTokens(1500, 84), 20)
    const together = await Promise.all(Array.from({ length: 4 }, () => collect(engine.generate(request))))
    const wanted = await alone(request)
    for (const { tokens } of together) expect(tokens).toEqual(wanted)
    expect(together.map(({ finish }) => finish.cachedTokens)).toEqual([0, 1499, 1499, 1499])
    const again = await collect(engine.generate(request))
    expect(again.tokens).toEqual(wanted)
  })

  test('continue by themselves when the request that computes their beginning is cancelled', async () => {
    const prompt = someTokens(5000, 85)
    const controller = new AbortController()
    const first = collect(engine.generate(greedy(prompt, 5), controller.signal))
    const second = collect(engine.generate(greedy(prompt.slice(0, 1500), 5)))
    await until(() => engine.stats().live === 2 && engine.stats().prefill.done > 0)
    controller.abort()
    expect((await first).finish.reason).toBe('cancelled')
    const { tokens, finish } = await second
    expect(finish.reason).toBe('length')
    expect(tokens).toEqual(await alone(greedy(prompt.slice(0, 1500), 5)))
  })

  test('end one by one, each by its own signal, while the others continue', async () => {
    const controllers = Array.from({ length: 4 }, () => new AbortController())
    const running = controllers.map(({ signal }, i) =>
      collect(engine.generate(greedy(someTokens(20 + i, 90 + i), 5000), signal)),
    )
    await until(() => engine.stats().live === 4)
    await until(() => engine.stats().prefill.total === 0)
    for (const i of [2, 0, 3]) {
      controllers[i]?.abort()
      expect((await running[i])?.finish.reason).toBe('cancelled')
    }
    expect(engine.stats().live).toBe(1)
    controllers[1]?.abort()
    const { tokens, finish } = (await running[1]) as { tokens: number[]; finish: Finish }
    expect(finish).toMatchObject({ reason: 'cancelled', outputTokens: tokens.length })
    expect(tokens.length).toBeGreaterThan(0)
  })

  test('are not affected by a request that is rejected', async () => {
    const good = collect(engine.generate(greedy(someTokens(50, 95), 60)))
    const bad = [greedy([], 5), greedy([999_999], 5), greedy(someTokens(131_072, 1), 5)]
    for (const request of bad) await expect(collect(engine.generate(request))).rejects.toHaveProperty('code')
    expect((await good).tokens).toEqual(await alone(greedy(someTokens(50, 95), 60)))
  })

  test('do not change the result of score()', async () => {
    const text = Int32Array.from(someTokens(600, 96))
    const before = await engine.score(text)
    const running = [97, 98].map((seed) => collect(engine.generate(greedy(someTokens(50, seed), 200))))
    await sleep(30)
    expect(await engine.score(text)).toEqual(before)
    for (const { finish } of await Promise.all(running)) expect(finish.reason).toBe('length')
  })

  test('are counted in stats(), with their speeds and memory', async () => {
    const before = engine.stats()
    const running = [100, 101].map((seed) => collect(engine.generate(greedy(someTokens(400, seed), 100))))
    await until(() => engine.stats().live === 2 && engine.stats().memory.kv > 0)
    await Promise.all(running)
    const after = engine.stats()
    expect(after.requests - before.requests).toBe(2)
    expect(after.promptTokens - before.promptTokens).toBe(800)
    expect(after.outputTokens - before.outputTokens).toBe(200)
    expect(after.tokensPerSecond.prefill).toBeGreaterThan(0)
    expect(after.tokensPerSecond.decode).toBeGreaterThan(0)
    const { active, weights, kv, prefix, scratch } = after.memory
    expect(weights).toBe(engine.info.memory.weights)
    expect(weights + kv + prefix + scratch).toBeGreaterThanOrEqual(active)
  })
})

describe('closing an engine', () => {
  test('ends each request once: as cancelled if it was live, with code closed if it waited', async () => {
    const engine = await loadEngine(DEMO)
    const all = Array.from({ length: 20 }, (_, i) => collect(engine.generate(greedy(someTokens(1000, i), 100))))
    const results = Promise.allSettled(all)
    await until(() => engine.stats().live === 15)
    await engine.close()
    const ends = (await results).map((end) =>
      end.status === 'fulfilled' ? end.value.finish.reason : (end.reason as { code: string }).code,
    )
    expect(new Set(ends)).toEqual(new Set(['cancelled', 'closed']))
    expect(ends.indexOf('closed')).toBeGreaterThan(ends.lastIndexOf('cancelled'))
  })
})

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(1)
}

async function firstToken(batches: AsyncIterable<TokenBatch>): Promise<void> {
  for await (const { tokens } of batches) if (tokens.length > 0) return
}
