/** What the engine has computed for a client that left, its next request does not compute again. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadModel, type Model } from '../../src/load-model.js'
import { type LogLine, type Server, serve } from '../../src/server/serve.js'
import { until } from '../support/until.js'

let model: Model
let server: Server
const lines: LogLine[] = []
beforeAll(async () => {
  model = await loadModel('demo/model', { prefillChunk: 256 })
  server = await serve(model, { port: 0, onLog: (line) => lines.push(line) })
})
afterAll(async () => {
  await server.close()
  await model.close()
})

const words = (seed: number) => Array.from({ length: 1500 }, (_, i) => `w${(i * 7919 + seed) % 9973}`).join(' ')

function send(content: string, { signal, retry }: { signal?: AbortSignal; retry?: number } = {}) {
  const headers = { 'content-type': 'application/json', 'x-stainless-retry-count': String(retry ?? 0) }
  const body = JSON.stringify({ model: 'x', max_tokens: 1, stream: true, messages: [{ role: 'user', content }] })
  return fetch(`${server.url}/v1/messages`, { method: 'POST', headers, body, signal }).then((reply) => reply.text())
}

const readSoFar = () => model.stats().prefill.done

test.each([0, 1])(
  'a request that is sent again after a disconnect continues the prefill (attempt %i)',
  async (retry) => {
    lines.length = 0
    const leaving = new AbortController()
    const first = send(words(retry), { signal: leaving.signal }).catch(() => 'left')
    await until(() => readSoFar() >= 1024)
    const before = readSoFar()
    leaving.abort()
    expect(await first).toBe('left')
    await until(() => model.stats().live === 0)
    expect(await send(words(retry), { retry })).toContain('message_stop')
    await until(() => lines.length === 2)
    const { inputTokens, cachedTokens } = lines.at(-1) as LogLine
    expect(inputTokens).toBeGreaterThan(before)
    expect(cachedTokens).toBeGreaterThanOrEqual(before - 256)
  },
)

test('a retry continues the prefill of a first request that is still being answered', async () => {
  lines.length = 0
  const first = send(words(7)).catch(() => 'cut off')
  await until(() => readSoFar() >= 1024)
  const before = readSoFar()
  expect(await send(words(7), { retry: 1 })).toContain('message_stop')
  expect(await first).toBe('cut off')
  await until(() => lines.length === 2)
  const retried = lines.find(({ cachedTokens }) => cachedTokens !== undefined) as LogLine
  expect(retried.cachedTokens).toBeGreaterThanOrEqual(before - 256)
})
