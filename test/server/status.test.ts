/** GET /status. */
import { expect, it } from 'vitest'
import { speaks } from '../support/fake-engine.js'
import { ask, hello, serveFake, until } from '../support/fake-server.js'

const END = { control: '<end>' }

it('says what the model does, and nothing of an answer before there was one', async () => {
  const engine = speaks(END)
  const { url } = await serveFake(engine)
  const { status, json } = await ask(`${url}/status`)
  expect(status).toBe(200)
  expect(json).toEqual({ model: 'fake-model', window: 100_000, live: 0, queued: 0, prefill: null, last: null })
})

it('tells of the last answer, at the speed of the engine', async () => {
  const engine = speaks('abcdefghij', END)
  engine.cachedTokens = 4
  const stats = engine.stats()
  engine.stats = () =>
    engine.ended === 0 && engine.batches === 0 ? stats : { ...stats, outputTokens: 10, decodeSeconds: 0.5 }
  const { url } = await serveFake(engine)
  const { json } = await ask(`${url}/v1/messages`, { body: hello({ stream: false }) })
  const inputTokens = json.usage.input_tokens + 4
  expect((await ask(`${url}/status`)).json.last).toEqual({
    inputTokens,
    cachedTokens: 4,
    outputTokens: 10,
    tokensPerSecond: 20,
  })
})

it('tells how far a prompt has been read, while a request is answered', async () => {
  const engine = speaks('hang')
  const stats = engine.stats
  engine.stats = () => ({ ...stats(), prefill: { done: 256, total: 1000 } })
  const { url } = await serveFake(engine)
  const request = ask(`${url}/v1/messages`, { body: hello() }).catch(() => {})
  await until(() => engine.requests.length > 0)
  expect((await ask(`${url}/status`)).json).toMatchObject({ live: 1, prefill: { done: 256, total: 1000 } })
  void request
})

it('asks for the key', async () => {
  const { url } = await serveFake(speaks(END), { apiKey: 'secret' })
  expect((await ask(`${url}/status`)).status).toBe(401)
  expect((await ask(`${url}/status`, { headers: { authorization: 'Bearer secret' } })).status).toBe(200)
})
