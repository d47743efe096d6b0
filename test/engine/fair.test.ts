/** Clients get equal shares of the engine, however many requests each of them has sent. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadEngine } from '../../src/engine/load.js'
import type { Engine } from '../../src/engine/types.js'
import { collect, greedy } from '../support/checkpoints.js'
import { until } from '../support/until.js'

const DEMO = 'demo/model'
const MIB = 2 ** 20

/** Arbitrary tokens, the same for the same seed. */
function someTokens(count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, i) => 300 + ((i * 7919 + seed * 104729) % 2700))
}

describe('one request of a client beside 20 of another', () => {
  let engine: Engine
  let order: string[]
  let seed = 0
  beforeEach(() => {
    order = []
  })
  afterEach(() => engine.close())

  const send = async (client: string, { prompt, answer }: { prompt: number; answer: number }, signal?: AbortSignal) => {
    const request = { ...greedy(someTokens(prompt, seed++), answer), client }
    const { finish } = await collect(engine.generate(request, signal))
    if (finish.reason !== 'cancelled') order.push(client)
    return finish
  }

  test('starts at once', async () => {
    engine = await loadEngine(DEMO)
    const many = Array.from({ length: 20 }, () => send('many', { prompt: 40, answer: 60 }))
    while (engine.stats().live < 15) await sleep(1)
    expect(engine.stats()).toMatchObject({ live: 15, queued: 5 })
    const one = await send('one', { prompt: 40, answer: 60 })
    const waited = await Promise.all(many)
    expect(order.indexOf('one')).toBeLessThanOrEqual(15)
    expect(one.queueSeconds).toBeLessThan(Math.max(...waited.map(({ queueSeconds }) => queueSeconds)) / 2)
  })

  test('gets half of the prefill', async () => {
    engine = await loadEngine(DEMO)
    const many = Array.from({ length: 20 }, () => send('many', { prompt: 2000, answer: 1 }))
    while (engine.stats().prefill.total === 0) await sleep(1)
    // Longer than each of the others.
    await send('one', { prompt: 2600, answer: 1 })
    await Promise.all(many)
    expect(order.indexOf('one')).toBeLessThan(8)
  })

  test('is next where memory is short', async () => {
    engine = await loadEngine(DEMO, { memoryCap: 12 * MIB })
    // No two of them fit together.
    const tokens = Math.floor(engine.info.window * 0.7)
    const left = new AbortController()
    const first = send('many', { prompt: 50, answer: tokens - 50 }, left.signal)
    const many = Array.from({ length: 3 }, () => send('many', { prompt: tokens - 1, answer: 1 }))
    while (engine.stats().live === 0) await sleep(1)
    const one = send('one', { prompt: tokens - 1, answer: 1 })
    // Each is counted once the engine has it.
    await until(() => engine.stats().queued === 4)
    expect(engine.stats().live).toBe(1)
    left.abort()
    await Promise.all([first, one, ...many])
    expect(order).toEqual(['one', 'many', 'many', 'many'])
  })
})

describe('the longest wait', () => {
  test('is that of the request which has waited longest, and 0 when none waits', async () => {
    const engine = await loadEngine(DEMO)
    expect(engine.stats().longestWait).toBe(0)
    const stop = new AbortController()
    const began = performance.now()
    const requests = Array.from({ length: 17 }, (_, i) => {
      return collect(engine.generate(greedy(someTokens(50, 500 + i), 4000), stop.signal))
    })
    await until(() => engine.stats().queued === 2 && engine.stats().longestWait > 0.1)
    expect(engine.stats().longestWait).toBeLessThanOrEqual((performance.now() - began) / 1000)
    stop.abort()
    await Promise.all(requests)
    expect(engine.stats()).toMatchObject({ queued: 0, longestWait: 0 })
    await engine.close()
  })
})

describe('a request that waits and is cancelled', () => {
  test('is gone from the queue at once, also the first of it', async () => {
    const engine = await loadEngine(DEMO)
    const stop = new AbortController()
    const running = Array.from({ length: 15 }, (_, i) => {
      return collect(engine.generate(greedy(someTokens(50, 600 + i), 4000), stop.signal))
    })
    while (engine.stats().live < 15) await sleep(1)
    const leaves = [0, 1, 2].map(() => new AbortController())
    const waiting = leaves.map(({ signal }, i) => collect(engine.generate(greedy(someTokens(50, 700 + i), 10), signal)))
    await until(() => engine.stats().queued === 3)
    for (const [i, controller] of leaves.entries()) {
      controller.abort()
      expect(engine.stats().queued).toBe(2 - i)
    }
    for (const { finish } of await Promise.all(waiting)) expect(finish.reason).toBe('cancelled')
    stop.abort()
    await Promise.all(running)
    await engine.close()
  })
})
