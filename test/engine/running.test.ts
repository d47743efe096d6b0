/** How far each request is that runs, by the number that its caller gave it. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadEngine } from '../../src/engine/load.js'
import type { Engine } from '../../src/engine/types.js'
import { plainSampling } from '../../src/options.js'
import { until } from '../support/until.js'

let engine: Engine
beforeAll(async () => {
  engine = await loadEngine(join(import.meta.dirname, '..', '..', 'demo', 'model'), { prefillChunk: 64 })
})
afterAll(() => engine.close())

const prompt = (length: number, from: number) => Int32Array.from({ length }, (_, i) => 10 + ((i * 7 + from) % 400))

/** Generates until it is ended. -> what was generated, so far */
function start(label: number | undefined, tokens: Int32Array) {
  const leaving = new AbortController()
  const request = { ...plainSampling, prompt: tokens, maxTokens: 4000, stopTokens: new Int32Array(), label }
  const seen = { tokens: 0 }
  const done = (async () => {
    for await (const batch of engine.generate(request, leaving.signal)) seen.tokens += batch.tokens.length
  })()
  return { seen, end: () => leaving.abort(), done }
}

describe('the requests that run', () => {
  it('are listed by their labels, in order, with what is read and generated', async () => {
    const before = engine.stats()
    const one = start(41, prompt(40, 0))
    await until(() => one.seen.tokens > 0)
    const two = start(42, prompt(3000, 100))
    const three = start(undefined, prompt(50, 200))
    await until(() => engine.stats().running.length === 3)
    const reading = engine.stats().running
    expect(reading.map(({ label }) => label)).toEqual([41, 42, undefined])
    expect(reading.map(({ promptTokens }) => promptTokens)).toEqual([40, 3000, 50])
    expect(reading[0]).toMatchObject({ readTokens: 40, cachedTokens: 0, outputTokens: expect.any(Number) })
    expect(reading[0]?.outputTokens).toBeGreaterThan(0)
    const isOn = () => two.seen.tokens > 0 && three.seen.tokens > 0
    let last = 0
    while (!isOn()) {
      const { readTokens = 0 } = engine.stats().running.find(({ label }) => label === 42) ?? {}
      expect(readTokens).toBeGreaterThanOrEqual(last)
      last = readTokens
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(last).toBeGreaterThan(0)
    for (const { end } of [one, two, three]) end()
    await Promise.all([one, two, three].map(({ done }) => done))
    const after = engine.stats()
    expect(after.running).toEqual([])
    expect(after.computedTokens - before.computedTokens).toBeGreaterThanOrEqual(3000)
    expect(after.generatedTokens - before.generatedTokens).toBe(after.outputTokens - before.outputTokens)
  })

  it('count what was reused as read', async () => {
    const again = prompt(2000, 300)
    const first = start(1, again)
    await until(() => first.seen.tokens > 0)
    first.end()
    await first.done
    const second = start(2, again)
    await until(() => second.seen.tokens > 0)
    expect(engine.stats().running[0]).toMatchObject({ label: 2, promptTokens: 2000, readTokens: 2000 })
    expect(engine.stats().running[0]?.cachedTokens).toBeGreaterThan(1000)
    second.end()
    await second.done
  })

  it.each([-1, 1.5, 'x'])('reject the label %j', async (label) => {
    await expect(start(label as number, prompt(5, 0)).done).rejects.toMatchObject({ code: 'invalid_request' })
  })
})
