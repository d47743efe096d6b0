/** GET /status. */
import { expect, it } from 'vitest'
import { speaks } from '../support/fake-engine.js'
import { ask, hello, serveFake, until } from '../support/fake-server.js'

const END = { control: '<end>' }

it('/status says what the model does, with no last answer before the first one', async () => {
  const engine = speaks(END)
  const { url } = await serveFake(engine)
  const { status, json } = await ask(`${url}/status`)
  expect(status).toBe(200)
  expect(json).toEqual({ model: 'fake-model', window: 100_000, live: 0, queued: 0, prefill: null, last: null })
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
  })
})

it('/status reports no decode rate of an answer of a few tokens', async () => {
  const engine = speaks('abc', END)
  engine.decodeSeconds = 0.001
  const { url } = await serveFake(engine)
  await ask(`${url}/v1/messages`, { body: hello({ stream: false }) })
  expect((await ask(`${url}/status`)).json.last).toMatchObject({ outputTokens: 3, tokensPerSecond: null })
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

it('/status requires the key', async () => {
  const { url } = await serveFake(speaks(END), { apiKey: 'secret' })
  expect((await ask(`${url}/status`)).status).toBe(401)
  expect((await ask(`${url}/status`, { headers: { authorization: 'Bearer secret' } })).status).toBe(200)
})
