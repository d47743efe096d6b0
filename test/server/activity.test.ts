/** GET /activity: what the live page shows. */
import { describe, expect, it, vi } from 'vitest'
import { speaks } from '../support/fake-engine.js'
import { ask, hello, serveFake } from '../support/fake-server.js'
import { until } from '../support/until.js'

const END = { control: '<end>' }
const headers = { 'user-agent': 'odd client/1.0', 'x-claude-code-session-id': 'a1b2-c3' }

describe('/activity', () => {
  it('says who asks and how far the engine is with each request', async () => {
    const engine = speaks('hang')
    const stats = engine.stats
    const progress = { readTokens: 7, cachedTokens: 5, outputTokens: 0 }
    engine.stats = () => ({
      ...stats(),
      running: engine.requests
        .slice(0, 1)
        .map(({ label, prompt }) => ({ ...progress, label, promptTokens: prompt.length })),
    })
    const { url } = await serveFake(engine, { apiKeys: { laptop: 'secret' } })
    const key = { 'x-api-key': 'secret' }
    const requests = ['/v1/messages', '/v1/chat/completions'].map((path) =>
      ask(url + path, { headers: { ...headers, ...key }, body: hello({ stream: true }) }).catch(() => {}),
    )
    await until(() => engine.requests.length === 2)
    const { json } = await ask(`${url}/activity`, { headers: key })
    const about = { client: 'odd client/1.0', session: 'a1b2-c3', key: 'laptop' }
    const prompted = engine.requests.map(({ prompt }) => prompt.length)
    expect(json.requests).toHaveLength(2)
    expect(json.requests).toContainEqual(
      expect.objectContaining({
        ...about,
        state: 'reading',
        promptTokens: prompted[0],
        ...progress,
      }),
    )
    expect(json.requests).toContainEqual(expect.objectContaining({ ...about, state: 'waiting', readTokens: 0 }))
    void requests
  })

  it('forgets a request that has ended, whatever its end', async () => {
    const { url } = await serveFake(speaks(['a', END], [{ fail: new Error('broken') }]))
    await ask(`${url}/v1/messages`, { body: hello() })
    await ask(`${url}/v1/messages`, { body: hello() })
    await ask(`${url}/v1/messages`, { body: { messages: 1 } })
    const { json } = await ask(`${url}/activity`)
    expect(json.requests).toEqual([])
    expect(json.errors.map(({ status }: { status: number }) => status)).toEqual([400, 500])
    expect(json.errors[1].message).toBe('broken')
  })

  it('keeps the last twenty errors, cut and without control characters', async () => {
    const { url } = await serveFake(speaks(END))
    for (let i = 0; i < 25; i++) {
      await ask(`${url}/v1/messages`, { headers, body: hello({ [`x${i}\u001b[31m${'y'.repeat(600)}`]: 1, model: i }) })
    }
    const { json, text } = await ask(`${url}/activity`)
    expect(json.errors).toHaveLength(20)
    expect(text).not.toMatch(/\\u001b|\p{Cc}/u)
    expect(Math.max(...json.errors.map(({ message }: { message: string }) => message.length))).toBeLessThanOrEqual(400)
  })

  it('counts neither clients that left nor paths that nobody serves as errors', async () => {
    const engine = speaks('hang')
    const { url, lines } = await serveFake(engine)
    const leaving = new AbortController()
    const asked = fetch(`${url}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(hello()),
      signal: leaving.signal,
    }).catch(() => {})
    await until(() => engine.requests.length === 1)
    leaving.abort()
    await asked
    await until(() => lines.length === 1)
    await ask(`${url}/favicon.ico`)
    expect((await ask(`${url}/activity`)).json).toMatchObject({ requests: [], errors: [] })
  })

  it('says how far a model is that loads, and why one cannot be loaded', async () => {
    const { serve } = await import('../../src/server/serve.js')
    const loading = await serve(new Promise(() => {}), { port: 0, progress: () => 0.25 })
    const failed = await serve(Promise.reject(new Error('no such file')), { port: 0 })
    expect((await ask(`${loading.url}/activity`)).json).toMatchObject({ state: 'loading', progress: 0.25 })
    expect((await ask(`${failed.url}/activity`)).json).toMatchObject({ state: 'failed', message: 'no such file' })
    await Promise.all([loading.close(), failed.close()])
  })

  it('has the speed of each two seconds, of five minutes at most', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
    try {
      const engine = speaks(END)
      const stats = engine.stats
      let steps = 0
      engine.stats = () => ({ ...stats(), generatedTokens: 100 * steps, computedTokens: 1000 * steps })
      const { createActivity } = await import('../../src/server/activity.js')
      const { createHouse } = await import('../../src/server/model-house.js')
      const { fakeModel } = await import('../support/fake-model.js')
      const all = createActivity(createHouse({ first: fakeModel(engine) }))
      for (; steps < 4; steps++) vi.advanceTimersByTime(2000)
      expect(all.report().speed).toEqual({ stepSeconds: 2, read: [500, 500, 500], written: [50, 50, 50] })
      vi.advanceTimersByTime(2000 * 1000)
      expect(all.report().speed.written).toHaveLength(150)
      all.close()
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })

  it('requires the key, as /metrics does', async () => {
    const { url } = await serveFake(speaks(END), { apiKey: 'secret' })
    for (const path of ['/activity', '/metrics']) expect((await ask(url + path)).status).toBe(401)
    const key = { authorization: 'Bearer secret' }
    for (const path of ['/activity', '/metrics']) expect((await ask(url + path, { headers: key })).status).toBe(200)
  })
})
