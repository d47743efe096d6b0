import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadEngine } from '../../src/engine/load.js'
import type { Engine, Finish, GenerateRequest, TokenBatch } from '../../src/engine/types.js'
import { plainSampling } from '../../src/options.js'
import { until } from '../support/until.js'

const DEMO = 'demo/model'
const greedy = { ...plainSampling, temperature: 0, stopTokens: new Int32Array(0) }

/** Arbitrary tokens, the same for the same seed. */
function someTokens(count: number, seed = 1): number[] {
  return Array.from({ length: count }, (_, i) => 300 + ((i * 7919 + seed * 104729) % 2700))
}

function ask(prompt: number[], maxTokens: number, more: Partial<GenerateRequest> = {}): GenerateRequest {
  return { prompt: Int32Array.from(prompt), maxTokens, ...greedy, ...more }
}

async function collect(batches: AsyncIterable<TokenBatch>): Promise<{ tokens: number[]; finish: Finish }> {
  const tokens: number[] = []
  let finish: Finish | undefined
  for await (const batch of batches) {
    expect(finish, 'nothing comes after the finish').toBeUndefined()
    tokens.push(...batch.tokens)
    finish = batch.finish
  }
  if (!finish) throw new Error('no finish')
  return { tokens, finish }
}

describe('an engine', () => {
  let engine: Engine
  beforeAll(async () => {
    engine = await loadEngine(DEMO)
  })
  afterAll(() => engine.close())

  /** The answer of an engine without earlier requests. */
  async function fresh(prompt: number[], maxTokens: number): Promise<number[]> {
    const other = await loadEngine(DEMO)
    const { tokens } = await collect(other.generate(ask(prompt, maxTokens)))
    await other.close()
    return tokens
  }

  test('generates maxTokens tokens, and counts them', async () => {
    const { tokens, finish } = await collect(engine.generate(ask(someTokens(40), 12)))
    expect(tokens).toHaveLength(12)
    expect(finish).toMatchObject({ reason: 'length', promptTokens: 40, outputTokens: 12 })
  })

  test('ends at a stop token, which is not part of the output', async () => {
    const all = await collect(engine.generate(ask(someTokens(40), 12)))
    const stop = all.tokens[5] as number
    const { tokens, finish } = await collect(
      engine.generate(ask(someTokens(40), 12, { stopTokens: Int32Array.of(stop) })),
    )
    expect(tokens).toEqual(all.tokens.slice(0, all.tokens.indexOf(stop)))
    expect(finish).toMatchObject({ reason: 'stop', stopToken: stop })
  })

  test('computes only what is new when a prompt extends an earlier one and its answer', async () => {
    const prompt = someTokens(700, 2)
    const first = await collect(engine.generate(ask(prompt, 20)))
    const longer = [...prompt, ...first.tokens, ...someTokens(30, 3)]
    const second = await collect(engine.generate(ask(longer, 20)))
    expect(second.finish.cachedTokens).toBeGreaterThanOrEqual(prompt.length + 19)
    expect(second.tokens).toEqual(await fresh(longer, 20))
  })

  test('replaces an answer, past a sliding window, and computes the same as from nothing', async () => {
    const prompt = someTokens(900, 4)
    await collect(engine.generate(ask(prompt, 300)))
    const other = [...prompt, ...someTokens(50, 5)]
    const { tokens, finish } = await collect(engine.generate(ask(other, 20)))
    expect(finish.cachedTokens).toBeGreaterThanOrEqual(prompt.length - 1)
    expect(tokens).toEqual(await fresh(other, 20))
  })

  test('starts a prompt where it diverges from earlier ones, past a sliding window', async () => {
    const shared = someTokens(1500, 6)
    const ends = [7, 8, 9].map((seed) => [...shared, ...someTokens(400, seed)])
    const cached: number[] = []
    for (const prompt of ends) {
      const { tokens, finish } = await collect(engine.generate(ask(prompt, 10)))
      cached.push(finish.cachedTokens)
      expect(tokens).toEqual(await fresh(prompt, 10))
    }
    expect(cached[0]).toBe(0)
    // Sliding layers keep a window where prompts have diverged, and at steps before that is known.
    expect(cached[1]).toBeGreaterThan(0)
    expect(cached[2]).toBe(shared.length)
  })

  test('reports that its window is that of the checkpoint', () => {
    expect(engine.info).toMatchObject({ window: 131_072, windowLimit: 'checkpoint', trainedWindow: 131_072 })
  })

  test('always computes at least the last token of a prompt', async () => {
    const prompt = someTokens(300, 10)
    const first = await collect(engine.generate(ask(prompt, 5)))
    const again = await collect(engine.generate(ask(prompt, 5)))
    expect(again.finish.cachedTokens).toBe(prompt.length - 1)
    expect(again.tokens).toEqual(first.tokens)
  })

  test('stops a prefill that is cancelled, and reuses the chunks that it computed', async () => {
    const prompt = someTokens(20_000, 14)
    const controller = new AbortController()
    const running = collect(engine.generate(ask(prompt, 5), controller.signal))
    await until(() => engine.stats().prefill.total === prompt.length && engine.stats().prefill.done >= 512)
    const { done } = engine.stats().prefill
    controller.abort()
    const { tokens, finish } = await running
    expect(finish.reason).toBe('cancelled')
    expect(tokens).toEqual([])
    // The chunk that was being computed, and one that stats() does not count yet.
    expect(finish.computedTokens).toBeLessThanOrEqual(done + 2 * engine.info.prefillChunk)
    const again = collect(engine.generate(ask(prompt, 1), AbortSignal.timeout(1500)))
    expect((await again).finish.cachedTokens).toBeGreaterThanOrEqual(256)
  })

  test('reports the progress of a prefill in stats()', async () => {
    expect(engine.stats().prefill).toEqual({ done: 0, total: 0 })
    const controller = new AbortController()
    const running = collect(engine.generate(ask(someTokens(20_000, 20), 5), controller.signal))
    const seen: number[] = []
    while (new Set(seen).size < 4) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      const { done, total } = engine.stats().prefill
      if (total > 0) seen.push(done)
      expect(total === 0 || total === 20_000).toBe(true)
    }
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    controller.abort()
    await running
    expect(engine.stats().prefill).toEqual({ done: 0, total: 0 })
  })

  test('keeps no more whole sequences, however many small requests come', async () => {
    const other = await loadEngine(DEMO)
    const whole: number[] = []
    for (let i = 0; i < 240; i++) {
      await collect(other.generate(ask(someTokens(20, 1000 + i), 2)))
      const { memory, cache } = other.stats()
      whole.push(memory.prefix - cache.memoryBytes)
    }
    await other.close()
    const [early, late] = [whole.slice(80, 120), whole.slice(200)].map((some) => Math.max(...some))
    expect(late).toBeLessThan(1.1 * (early as number))
  })

  test('stops decoding when the loop over its batches is left', async () => {
    const before = engine.stats().outputTokens
    for await (const { tokens } of engine.generate(ask(someTokens(50, 15), 5000))) if (tokens.length > 0) break
    const next = await collect(engine.generate(ask(someTokens(50, 16), 1)))
    expect(next.finish.reason).toBe('length')
    expect(engine.stats().outputTokens - before).toBeLessThan(1000)
  })

  test('gives a waiting request that is cancelled its finish at once', async () => {
    const busy = Array.from({ length: 17 }, () => new AbortController())
    const running = busy.map(({ signal }, i) => collect(engine.generate(ask(someTokens(50, 200 + i), 4000), signal)))
    const controller = new AbortController()
    const waiting = collect(engine.generate(ask(someTokens(50, 18), 400), controller.signal))
    controller.abort()
    expect((await waiting).finish).toMatchObject({ reason: 'cancelled', outputTokens: 0 })
    for (const controller of busy) controller.abort()
    for (const { finish } of await Promise.all(running)) expect(finish.reason).toBe('cancelled')
  })

  test('cancels a generation whose signal has fired before it starts', async () => {
    const { finish } = await collect(engine.generate(ask(someTokens(50), 400), AbortSignal.abort()))
    expect(finish.reason).toBe('cancelled')
  })

  test('draws the same tokens for the same seed and other tokens for another', async () => {
    // A temperature so high that a model that is sure of its answer gives others, too.
    const sampled = (seed: number, more: Partial<GenerateRequest> = {}) =>
      collect(engine.generate(ask(someTokens(50), 30, { temperature: 2, topK: 50, seed, ...more })))
    const [a, b, c] = [await sampled(1), await sampled(1), await sampled(2)]
    expect(a.tokens).toEqual(b.tokens)
    expect(a.tokens).not.toEqual(c.tokens)
    const filters = { topP: 0.9, minP: 0.01 }
    expect((await sampled(3, filters)).tokens).toEqual((await sampled(3, filters)).tokens)
  })

  test('is greedy with topK 1, at any temperature', async () => {
    const plain = await collect(engine.generate(ask(someTokens(50), 20)))
    const sampled = await collect(engine.generate(ask(someTokens(50), 20, { temperature: 1, topK: 1 })))
    expect(sampled.tokens).toEqual(plain.tokens)
  })

  test('repeats fewer tokens with a repetition penalty', async () => {
    const plain = await collect(engine.generate(ask(someTokens(50), 60)))
    const penalized = await collect(engine.generate(ask(someTokens(50), 60, { repetitionPenalty: 5 })))
    expect(new Set(penalized.tokens).size).toBeGreaterThan(new Set(plain.tokens).size)
  })

  test.each([
    ['an empty prompt', ask([], 5), 'invalid_request', /empty/],
    ['an id outside of the vocabulary', ask([1, 999_999], 5), 'invalid_request', /999999.*3072/],
    [
      'a prompt longer than the window',
      ask(someTokens(131_072), 5),
      'prompt_too_long',
      /131072 tokens > 131071 maximum/,
    ],
  ])('rejects %s with a code, and continues to work', async (_, request, code, message) => {
    await expect(collect(engine.generate(request))).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
    expect((await collect(engine.generate(ask(someTokens(20), 2)))).tokens).toHaveLength(2)
  })

  test('scores each token with its log-probability, the first with 0', async () => {
    const prompt = someTokens(600, 19)
    const { tokens } = await collect(engine.generate(ask(prompt, 1)))
    const scores = await engine.score(Int32Array.from([...prompt, ...tokens]))
    expect(scores).toHaveLength(601)
    expect(scores[0]).toBe(0)
    expect(scores.every((score) => score <= 0)).toBe(true)
    const worse = await engine.score(Int32Array.from([...prompt, ((tokens[0] as number) + 1) % 3072]))
    expect(worse[600]).toBeLessThan(scores[600] as number)
    expect(worse.slice(0, 600)).toEqual(scores.slice(0, 600))
  })
})

describe('the window', () => {
  test('is cut by maxContext, and ends a generation when it is full', async () => {
    const engine = await loadEngine(DEMO, { maxContext: 100 })
    expect(engine.info).toMatchObject({ window: 100, windowLimit: 'max_context', trainedWindow: 131_072 })
    const { finish } = await collect(engine.generate(ask(someTokens(90), 50)))
    expect(finish).toMatchObject({ reason: 'window', outputTokens: 10 })
    await engine.close()
  })

  test('is what fits beside the weights; loading fails with the sizes if nothing does', async () => {
    const small = await loadEngine(DEMO, { memoryCap: 32 << 20 })
    expect(small.info.window).toBeLessThan(small.info.trainedWindow)
    expect(small.info.windowLimit).toBe('memory')
    await small.close()
    await expect(loadEngine(DEMO, { memoryCap: 1 << 20 })).rejects.toMatchObject({
      code: 'not_enough_memory',
      message: expect.stringMatching(/\d MB/),
    })
  })
})

describe('the prefill chunk', () => {
  test('is measured at load: a power of two within the bounds of a CPU, and smaller under a tight cap', async () => {
    const free = await loadEngine(DEMO, { memoryCap: 0 })
    expect([64, 128, 256, 512, 1024]).toContain(free.info.prefillChunk)
    await free.close()
    const capped = await loadEngine(DEMO, { memoryCap: 32 << 20 })
    expect([64, 128]).toContain(capped.info.prefillChunk)
    await capped.close()
  })

  test('can be set, and changes no answer', async () => {
    const tokens: number[][] = []
    for (const prefillChunk of [1, 100, 3000]) {
      const engine = await loadEngine(DEMO, { prefillChunk })
      expect(engine.info.prefillChunk).toBe(prefillChunk)
      tokens.push((await collect(engine.generate(ask(someTokens(300, 30), 20)))).tokens)
      await engine.close()
    }
    expect(tokens[1]).toEqual(tokens[0])
    expect(tokens[2]).toEqual(tokens[0])
  })
})

describe('closing an engine', () => {
  test('ends the work that runs, and may be repeated', async () => {
    const engine = await loadEngine(DEMO)
    const running = collect(engine.generate(ask(someTokens(3000), 1000)))
    // Other work goes first where both wait.
    await until(() => engine.stats().live === 1)
    const score = engine.score(Int32Array.from(someTokens(60_000)))
    const results = Promise.allSettled([running, score])
    await new Promise((resolve) => setTimeout(resolve, 50))
    await engine.close()
    await engine.close()
    const [first, second] = await results
    expect(first).toMatchObject({ status: 'fulfilled', value: { finish: { reason: 'cancelled' } } })
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'closed' } })
    await expect(collect(engine.generate(ask([5], 1)))).rejects.toMatchObject({ code: 'closed' })
  })
})
