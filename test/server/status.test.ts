/** GET /status. */
import { expect, it } from 'vitest'
import { speaks } from '../support/fake-engine.js'
import { ask, hello, serveFake } from '../support/fake-server.js'
import { until } from '../support/until.js'

const END = { control: '<end>' }

it('/status says what the model does, with no last answer before the first one', async () => {
  const engine = speaks(END)
  const { url } = await serveFake(engine)
  const { status, json } = await ask(`${url}/status`)
  expect(status).toBe(200)
  const cache = { memoryBytes: 0, diskBytes: 0, diskCap: 0, hitTokens: { live: 0, memory: 0, disk: 0 } }
  const idle = { live: 0, queued: 0, longestWait: 0, prefill: null }
  const constrained = { tokens: 0, removed: 0, maskMicroseconds: 0 }
  const none = { drafted: 0, accepted: 0 }
  const sources = { lookup: none, forced: none, drafter: none }
  const drafts = { ...none, tokensPerPass: 0, costs: [], drafter: null, drafterCost: 0, sources }
  expect(json).toEqual({
    model: 'fake-model',
    window: 100_000,
    ...idle,
    cache,
    constrained,
    drafts,
    loops: 0,
    last: null,
  })
})

it('/status reports the last answer, with its own decode rate while others run', async () => {
  const engine = speaks('abcdefghij', END)
  engine.cachedTokens = 4
  engine.createdTokens = 3
  engine.decodeSeconds = 0.5
  const idle = engine.stats()
  engine.stats = () => ({ ...idle, outputTokens: 1000 * engine.batches, decodeSeconds: engine.batches })
  const { url } = await serveFake(engine)
  const { json } = await ask(`${url}/v1/messages`, { body: hello({ stream: false }) })
  const inputTokens = json.usage.input_tokens + 4 + 3
  expect((await ask(`${url}/status`)).json.last).toEqual({
    inputTokens,
    cachedTokens: 4,
    createdTokens: 3,
    outputTokens: 10,
    tokensPerSecond: 20,
    constrained: null,
  })
})

it('/status reports no decode rate of an answer of a few tokens', async () => {
  const engine = speaks('abc', END)
  engine.decodeSeconds = 0.001
  const { url } = await serveFake(engine)
  await ask(`${url}/v1/messages`, { body: hello({ stream: false }) })
  expect((await ask(`${url}/status`)).json.last).toMatchObject({ outputTokens: 3, tokensPerSecond: null })
})

it('/status and /metrics say how many requests wait, and for how long', async () => {
  const engine = speaks('hang')
  const stats = engine.stats
  engine.stats = () => ({ ...stats(), live: 1, queued: 3, longestWait: 12.5 })
  const { url } = await serveFake(engine)
  expect((await ask(`${url}/status`)).json).toMatchObject({ live: 1, queued: 3, longestWait: 12.5 })
  const { text } = await ask(`${url}/metrics`)
  expect(text).toContain('\ntether_requests_waiting 3\n')
  expect(text).toContain('\ntether_longest_wait_seconds 12.5\n')
})

it('/status reports how much of a prompt has been read while a request runs', async () => {
  const engine = speaks('hang')
  const stats = engine.stats
  engine.stats = () => ({ ...stats(), prefill: { done: 256, total: 1000 } })
  const { url } = await serveFake(engine)
  const request = ask(`${url}/v1/messages`, { body: hello() }).catch(() => {})
  await until(() => engine.requests.length > 0)
  expect((await ask(`${url}/status`)).json).toMatchObject({ live: 1, prefill: { done: 256, total: 1000 } })
  void request
})

it('/status reports what the prefix cache takes, by place', async () => {
  const engine = speaks(END)
  const stats = engine.stats()
  const cache = { memoryBytes: 5, diskBytes: 7, diskCap: 90, hitTokens: { live: 1, memory: 2, disk: 3 } }
  engine.stats = () => ({ ...stats, cache: { ...stats.cache, ...cache, notices: ['a path of somebody'] } })
  const { url } = await serveFake(engine)
  expect((await ask(`${url}/status`)).json.cache).toEqual(cache)
})

it('/status requires the key', async () => {
  const { url } = await serveFake(speaks(END), { apiKey: 'secret' })
  expect((await ask(`${url}/status`)).status).toBe(401)
  expect((await ask(`${url}/status`, { headers: { authorization: 'Bearer secret' } })).status).toBe(200)
})
