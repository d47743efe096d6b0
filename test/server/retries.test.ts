/** A retry ends the first request if that is still being answered, and no other request ever does. */
import { describe, expect, it } from 'vitest'
import { createRetries, isRetry } from '../../src/server/retries.js'
import { speaks } from '../support/fake-engine.js'
import { ask, hello, serveFake } from '../support/fake-server.js'
import { until } from '../support/until.js'

const END = { control: '<end>' }
const asked = (body = 'digest', more: object = {}) => {
  return { path: '/v1/messages', key: 'mine', headers: new Headers(), body, ...more }
}

/** Requests by name; `ended` has those that were told to leave, which they do at once. */
function tracker() {
  const retries = createRetries()
  const ended: string[] = []
  const overs = new Map<string, (answered: boolean) => void>()
  const enter = async (name: string, retry: boolean, request = asked()) => {
    const leave = () => {
      ended.push(name)
      overs.get(name)?.(false)
    }
    const { over } = await retries.enter(request, { isRetry: retry, leave })
    overs.set(name, over)
  }
  const over = (name: string, answered: boolean) => overs.get(name)?.(answered)
  return { enter, over, ended }
}

describe('a retry', () => {
  it('ends the first request', async () => {
    const { enter, ended } = tracker()
    await enter('first', false)
    await enter('retry', true)
    expect(ended).toEqual(['first'])
    await enter('second retry', true)
    expect(ended).toEqual(['first', 'retry'])
  })

  it('is answered only once the first request is over', async () => {
    const retries = createRetries()
    const { over } = await retries.enter(asked(), { isRetry: false, leave: () => {} })
    let entered = false
    const retry = retries.enter(asked(), { isRetry: true, leave: () => {} }).then(() => {
      entered = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(entered).toBe(false)
    over(false)
    await retry
    expect(entered).toBe(true)
  })

  it.each([
    ['path', { path: '/v1/chat/completions' }],
    ['key', { key: 'theirs' }],
    ['body', { body: 'another' }],
    ['session', { headers: new Headers({ 'x-claude-code-session-id': 'another' }) }],
    ['agent', { headers: new Headers({ 'x-claude-code-agent-id': 'another' }) }],
    ['program', { headers: new Headers({ 'user-agent': 'another' }) }],
  ])('ends no request with another %s', async (_, other) => {
    const { enter, ended } = tracker()
    await enter('first', false)
    await enter('retry', true, asked('digest', other))
    expect(ended).toEqual([])
  })

  it('of a request that ended without an answer leaves an equal one alone', async () => {
    const { enter, over, ended } = tracker()
    await enter('another client', false)
    await enter('first', false)
    over('first', false)
    await enter('retry', true)
    expect(ended).toEqual([])
  })

  it('leaves equal requests alone where two of them are being answered', async () => {
    const { enter, ended } = tracker()
    await enter('one', false)
    await enter('two', false)
    await enter('retry', true)
    expect(ended).toEqual([])
  })

  it('after an answer ends nothing', async () => {
    const { enter, over, ended } = tracker()
    await enter('first', false)
    over('first', true)
    await enter('retry', true)
    expect(ended).toEqual([])
  })

  it('is told by the number of the attempt', () => {
    const counts = [undefined, '0', '1', '12', 'x', '']
    const headers = counts.map(
      (count): Record<string, string> => (count === undefined ? {} : { 'x-stainless-retry-count': count }),
    )
    expect(headers.map((init) => isRetry(new Headers(init)))).toEqual([false, false, true, true, false, false])
  })
})

describe('over HTTP', () => {
  const retried = { 'x-stainless-retry-count': '1' }

  it.each([true, false])('a retry takes over from a request that is being answered (stream: %s)', async (stream) => {
    const engine = speaks(['some', 'hang'], ['Hello', END])
    const { url } = await serveFake(engine)
    const first = ask(`${url}/v1/messages`, { body: hello({ stream }) }).catch((error: unknown) => error)
    await until(() => engine.batches === 1)
    const retry = await ask(`${url}/v1/messages`, { headers: retried, body: hello({ stream }) })
    expect(retry.status).toBe(200)
    expect(retry.text).toContain('Hello')
    expect(engine).toMatchObject({ ended: 2, cancelled: { length: 1 } })
    // Cut off, so that a client which is there after all knows that this was no answer.
    const cut = (await first) as { status?: number }
    if (stream) expect(cut).toBeInstanceOf(Error)
    else expect(cut.status).toBe(499)
  })

  it('takes over the place in a full queue', async () => {
    const engine = speaks(['hang'], ['Hello', END])
    const { url } = await serveFake(engine, { maxRequests: 1 })
    const first = ask(`${url}/v1/messages`, { body: hello() })
    await until(() => engine.requests.length === 1)
    expect((await ask(`${url}/v1/messages`, { headers: retried, body: hello() })).status).toBe(200)
    expect((await first).status).toBe(499)
  })

  it('two equal requests that are both alive are answered each for itself', async () => {
    const engine = speaks([{ wait: 50 }, 'one', END], ['two', END])
    const { url } = await serveFake(engine)
    const both = await Promise.all([1, 2].map(() => ask(`${url}/v1/messages`, { body: hello() })))
    expect(both.map(({ json }) => json.content[0].text)).toEqual(['one', 'two'])
    expect(engine.cancelled).toEqual([])
  })
})
