/** Memory is reserved before it is used: requests wait for it or are rejected, and the cap holds. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadEngine } from '../../src/engine/load.js'
import type { Engine, EngineStats, GenerateRequest } from '../../src/engine/types.js'
import { checkpoint, collect, copyOf, editTensors, greedy } from '../support/checkpoints.js'
import { until } from '../support/until.js'

const DEMO = 'demo/model'
const MIB = 1 << 20

let small: string
beforeAll(async () => {
  const { makeCheckpoint, SMALL } = (await import('../../bench/checkpoint.mjs' as string)) as {
    makeCheckpoint(folder: string, config: object, seed: number): Promise<void>
    SMALL: object
  }
  small = await mkdtemp(join(tmpdir(), 'tether-small-'))
  await makeCheckpoint(small, SMALL, 1)
})
afterAll(() => rm(small, { recursive: true, force: true }))

function someTokens(count: number, seed: number, vocab: number): number[] {
  return Array.from({ length: count }, (_, i) => (i * 7919 + seed * 104729) % vocab)
}

/**
 * Runs requests together, each submitted `pause` ms after the one before. -> the most that was reserved while they ran, the
 * same without kept prefixes, and the most that was in use, by MLX's count.
 */
async function peaks(engine: Engine, requests: GenerateRequest[], pause: number) {
  const all = Promise.all(
    requests.map(async (request, i) => {
      await sleep(i * pause)
      return collect(engine.generate(request))
    }),
  )
  let reserved = 0
  let live = 0
  let ended = false
  const watch = (async () => {
    while (!ended) {
      const { memory } = engine.stats()
      reserved = Math.max(reserved, memory.reserved)
      live = Math.max(live, memory.reserved - memory.prefix)
      await sleep(2)
    }
  })()
  await all
  ended = true
  await watch
  return { reserved, live, peak: engine.stats().memory.peak }
}

// In the order of their peaks: MLX counts the peak of the process.
test.each<{ model: string; folder: () => string; lengths: number[]; chunk?: number; kvBits?: number }>([
  { model: 'the demo model in chunks of 64', folder: () => DEMO, lengths: [1500], chunk: 64 },
  { model: 'the demo model', folder: () => DEMO, lengths: [4000] },
  { model: 'a model of 13 million parameters', folder: () => small, lengths: [1500] },
  { model: 'the same with keys and values in 8 bits', folder: () => small, lengths: [7000], kvBits: 8 },
  { model: 'the same with three requests at once', folder: () => small, lengths: [2500, 1200, 300] },
  { model: 'the same in another order', folder: () => small, lengths: [300, 2500, 1200] },
])(
  'requests use at most 1.05 and at least 0.9 of the reserved memory, with $model',
  async ({ folder, lengths, chunk = 1024, kvBits }) => {
    // When each request comes decides which passes lie between the chunks of the others.
    for (const pause of lengths.length > 1 ? [0, 5, 30] : [0]) {
      let [reserved, live, peak] = [0, 0, 0]
      // Where other work holds this thread up, it looks too rarely and misses the most that was reserved.
      for (let tries = 0; tries < 5 && (tries === 0 || peak / reserved >= 1.05); tries++) {
        const engine = await loadEngine(folder(), { kvBits, prefillChunk: chunk })
        const requests = lengths.map((length, i) => greedy(someTokens(length, i, engine.info.vocabSize), 40))
        const seen = await peaks(engine, requests, pause)
        await engine.close()
        reserved = Math.max(reserved, seen.reserved)
        live = Math.max(live, seen.live)
        peak = seen.peak
      }
      expect(peak / reserved).toBeLessThan(1.05)
      // Blocks that are kept come after the peak of the prefill.
      expect(peak / live).toBeGreaterThan(0.9)
    }
  },
  120_000,
)

// Whole windows through the model: half a minute and more where other work shares the processor.
describe('a memory cap', { timeout: 120_000 }, () => {
  test('makes requests wait for each other if they do not fit together, and is kept', async () => {
    const cap = 60 * MIB
    const engine = await loadEngine(small, { memoryCap: cap })
    // Two of them do not fit beside the weights.
    const tokens = Math.floor(engine.info.window * 0.7)
    const requests = [1, 2, 3].map((seed) => greedy(someTokens(tokens - 50, seed, 8192), 50))
    const first = Promise.all(requests.map((request) => collect(engine.generate(request))))
    const waits = ({ live, queued }: EngineStats) => live === 1 && queued === 2
    await until(() => waits(engine.stats()))
    for (const { finish } of await first) expect(finish.reason).toBe('length')
    expect(engine.stats().memory.active).toBeLessThan(cap)
    await engine.close()
  })

  test('drops prefixes before a request has to wait', async () => {
    const engine = await loadEngine(small, { memoryCap: 60 * MIB })
    const tokens = Math.floor(engine.info.window * 0.6)
    for (const seed of [1, 2]) {
      const { finish } = await collect(engine.generate(greedy(someTokens(tokens, seed, 8192), 5)))
      expect(finish.reason).toBe('length')
    }
    await engine.close()
  })

  test('leaves a longer window if keys and values are kept in fewer bits, and is kept', async () => {
    const windows: number[] = []
    for (const kvBits of [32, 16, 8, 4]) {
      const engine = await loadEngine(small, { memoryCap: 52 * MIB, kvBits })
      windows.push(engine.info.window)
      const { finish } = await collect(engine.generate(greedy(someTokens(engine.info.window - 10, 3, 8192), 100)))
      expect(finish).toMatchObject({ reason: 'window', outputTokens: 10 })
      expect(engine.stats().memory.active).toBeLessThan(52 * MIB)
      await engine.close()
    }
    const [plain, half, eight, four] = windows as [number, number, number, number]
    // 9216 bytes per token become 4608, 2592 and 1728.
    expect(half / plain).toBeGreaterThan(1.9)
    expect(eight / plain).toBeGreaterThan(3.4)
    expect(four / eight).toBeGreaterThan(1.45)
  })

  test('lets a request of the whole window run when it is alone', async () => {
    const engine = await loadEngine(small, { memoryCap: 60 * MIB })
    expect(engine.info.windowLimit).toBe('memory')
    const prompt = someTokens(engine.info.window - 10, 3, 8192)
    const { finish } = await collect(engine.generate(greedy(prompt, 100)))
    expect(finish).toMatchObject({ reason: 'window', outputTokens: 10 })
    await expect(collect(engine.generate(greedy([...prompt, ...prompt], 1)))).rejects.toMatchObject({
      code: 'prompt_too_long',
    })
    await engine.close()
  })
})

describe('a NaN in the weights', () => {
  test('ends the request that meets it with code bad_weights, and no other', async () => {
    const folder = await copyOf('llama-a')
    const good = greedy([6, 9, 11], 30)
    const whole = await loadEngine(checkpoint('llama-a'))
    const { tokens: wanted } = await collect(whole.generate(good))
    await whole.close()
    // One row of the embedding: only a request with this token meets it.
    const damaged = 20
    expect(wanted).not.toContain(damaged)
    await editTensors(join(folder, 'model.safetensors'), (tensors) => {
      const { data, shape, dtype } = tensors.get('model.embed_tokens.weight') as NonNullable<
        ReturnType<typeof tensors.get>
      >
      expect(dtype).toBe('F32')
      const row = 4 * (shape[1] as number)
      for (let i = 0; i < row; i += 4) data.writeFloatLE(Number.NaN, damaged * row + i)
    })
    const engine = await loadEngine(folder)
    const [bad, other] = await Promise.allSettled([
      collect(engine.generate(greedy([5, damaged, 9], 500))),
      collect(engine.generate(good)),
    ])
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'bad_weights' } })
    expect((bad as PromiseRejectedResult).reason.message).toMatch(/not numbers after 3 tokens.*Download/)
    expect(other).toEqual({ status: 'fulfilled', value: expect.objectContaining({ tokens: wanted }) })
    // What the failed request computed is not reused.
    await expect(collect(engine.generate(greedy([5, damaged, 9, 4], 5)))).rejects.toMatchObject({ code: 'bad_weights' })
    await engine.close()
  })
})
