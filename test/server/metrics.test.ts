/** What Prometheus reads, after requests that are known. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { LogLine } from '../../src/server/log.js'
import { createMetrics } from '../../src/server/metrics.js'
import { createHouse } from '../../src/server/model-house.js'
import { speaks } from '../support/fake-engine.js'
import { ask, hello, serveFake } from '../support/fake-server.js'
import { until } from '../support/until.js'

const END = { control: '<end>' }
const line = (more: Partial<LogLine> = {}): LogLine => ({
  ...{ method: 'POST', path: '/v1/messages', status: 200, ms: 1400 },
  ...more,
})

/** The samples of a text, by name and labels. Fails on a line that Prometheus could not read. */
function read(text: string): Map<string, number> {
  const samples = new Map<string, number>()
  const typed = new Set<string>()
  for (const row of text.trimEnd().split('\n')) {
    const comment = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(row)
    if (comment) {
      if (comment[1] === 'TYPE') expect(comment[3]).toMatch(/^(counter|gauge|histogram)$/)
      typed.add(comment[2] as string)
      continue
    }
    const sample = /^([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? ([\d.e+-]+)$/.exec(row)
    expect(sample, row).not.toBeNull()
    expect(typed).toContain(sample?.[1]?.replace(/_(bucket|sum|count)$/, ''))
    samples.set(`${sample?.[1]}${sample?.[2] ?? ''}`, Number(sample?.[3]))
  }
  return samples
}

describe('metrics', () => {
  const loading = createHouse({ first: new Promise(() => {}) })

  it('count requests by route and status, whatever paths are asked for', () => {
    const all = createMetrics()
    all.observe(line())
    all.observe(line({ status: 429 }))
    for (let i = 0; i < 100; i++) all.observe(line({ path: `/x/${i}`, status: 404 }))
    const samples = read(all.text(loading))
    expect(samples.get('tether_requests_total{route="/v1/messages",code="200"}')).toBe(1)
    expect(samples.get('tether_requests_total{route="/v1/messages",code="429"}')).toBe(1)
    expect(samples.get('tether_requests_total{route="other",code="404"}')).toBe(100)
    expect(samples.get('tether_ready')).toBe(0)
    expect(samples.size).toBeLessThan(50)
  })

  it('put times into buckets that add up', () => {
    const all = createMetrics()
    all.observe(line({ ms: 1400, ttftMs: 400, outputTokens: 101 }))
    all.observe(line({ ms: 400_000, ttftMs: 350_000, outputTokens: 1 }))
    all.observe(line({ ms: 3 }))
    const samples = read(all.text(loading))
    const first = 'tether_time_to_first_token_seconds'
    expect(samples.get(`${first}_bucket{le="0.25"}`)).toBe(0)
    expect(samples.get(`${first}_bucket{le="0.5"}`)).toBe(1)
    expect(samples.get(`${first}_bucket{le="300"}`)).toBe(1)
    expect(samples.get(`${first}_bucket{le="+Inf"}`)).toBe(2)
    expect(samples.get(`${first}_sum`)).toBeCloseTo(350.4)
    expect(samples.get('tether_time_per_output_token_seconds_bucket{le="0.01"}')).toBe(1)
    expect(samples.get('tether_time_per_output_token_seconds_count')).toBe(1)
    expect(samples.get('tether_request_seconds_count')).toBe(3)
  })

  it('are served with the model’s own counters, and need the key', async () => {
    const { url, lines } = await serveFake(speaks('Hi', END), { apiKey: 'secret' })
    const headers = { authorization: 'Bearer secret' }
    expect((await ask(`${url}/metrics`)).status).toBe(401)
    await ask(`${url}/v1/messages`, { headers, body: hello() })
    await until(() => lines.length === 2)
    const answer = await ask(`${url}/metrics`, { headers })
    expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8')
    const samples = read(answer.text)
    expect(samples.get('tether_ready')).toBe(1)
    expect(samples.get('tether_requests_total{route="/v1/messages",code="200"}')).toBe(1)
    expect(samples.get('tether_requests_total{route="other",code="401"}')).toBe(1)
    expect(samples.get('tether_time_to_first_token_seconds_count')).toBe(1)
    expect([...samples.keys()].filter((name) => name.startsWith('tether_memory_bytes')).length).toBe(5)
    expect(samples.has('tether_prompt_tokens_total{source="disk"}')).toBe(true)
  })

  it('are all in docs/monitoring.md, and no others', async () => {
    const { url } = await serveFake(speaks('Hi', END))
    const { text } = await ask(`${url}/metrics`)
    const served = [...text.matchAll(/^# TYPE ([a-z_]+)/gm)].map(([, name]) => name)
    const docs = readFileSync(join(import.meta.dirname, '../../docs/monitoring.md'), 'utf8')
    const described = [...docs.matchAll(/^\| `([a-z]+_[a-z_]+)`/gm)].map(([, name]) => name)
    expect(served.toSorted()).toEqual(described.toSorted())
  })

  it('have no control character of a model’s name', () => {
    const info = { name: 'a"b\\c\n\u001b[31m', family: 'fake', quantization: 'bf16', device: 'cpu', window: 9 }
    const memory = { weights: 0, kv: 0, prefix: 0, scratch: 0, cache: 0, reserved: 0 }
    const cache = { hitTokens: { live: 0, memory: 0, disk: 0 }, written: 0, read: 0, evictedMemory: 0 }
    const none = { drafted: 0, accepted: 0 }
    const stats = () => ({
      ...{ memory, cache: { ...cache, evictedDisk: 0, damaged: 0, memoryBytes: 0, diskBytes: 0 } },
      ...{ live: 0, queued: 0, promptTokens: 0, cachedTokens: 0, outputTokens: 0, prefillSeconds: 0, decodeSeconds: 0 },
      ...{ longestWait: 0, tokensPerSecond: { prefill: 0, decode: 0 } },
      ...{
        drafts: { drafted: 20, accepted: 15, lookup: none, forced: none, drafter: none, steps: 7, costs: [1, 1.1] },
      },
      ...{ constrainedTokens: 0, removedProbability: 0, maskSeconds: 0 },
    })
    const text = createMetrics().text(createHouse({ first: { info, stats, turns: {} } as never }))
    expect(text).toContain('model="a\\"b\\\\c\\n?[31m"')
    read(text)
  })
})
