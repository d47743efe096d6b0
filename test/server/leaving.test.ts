/** A client that leaves, a slow reader and a closing server end or slow down what they should, and nothing else. */
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { limitsOf } from '../../src/limits.js'
import { createActivity } from '../../src/server/activity.js'
import { createApp } from '../../src/server/app.js'
import { createEdge } from '../../src/server/edge.js'
import { createKeys } from '../../src/server/keys.js'
import { createMetrics } from '../../src/server/metrics.js'
import { createHouse } from '../../src/server/model-house.js'
import { type FakeEngine, type Step, speaks } from '../support/fake-engine.js'
import { fakeModel } from '../support/fake-model.js'
import { ask, hello, serveFake } from '../support/fake-server.js'
import { gate } from '../support/gate.js'
import { until } from '../support/until.js'

const END = { control: '<end>' }
const unhandled: unknown[] = []
const noteUnhandled = (error: unknown) => unhandled.push(error)

beforeEach(() => void process.on('unhandledRejection', noteUnhandled))
afterEach(async () => {
  await sleep(5)
  process.off('unhandledRejection', noteUnhandled)
  expect(unhandled.splice(0)).toEqual([])
})

/** A POST on a socket of its own; `heard` is what came back so far. */
async function post(port: number, body: object): Promise<{ socket: Socket; heard: () => string }> {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.setEncoding('utf8').on('data', (data) => {
    text += data
  })
  socket.on('error', () => {})
  socket.write(requestOf(body))
  return { socket, heard: () => text }
}

function requestOf(body: object): string {
  const json = JSON.stringify(body)
  return `POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`
}

async function expectCancelled(engine: FakeEngine, leave: () => void): Promise<void> {
  leave()
  // Nothing else ends it: its script hangs.
  await until(() => engine.cancelled.length === 1)
  await until(() => engine.ended === 1)
}

describe('a client that leaves', () => {
  const prefill: Step[] = ['hang']
  const decode: Step[] = ['some', ' text', 'hang']
  for (const [phase, steps] of Object.entries({ prefill, decode })) {
    for (const stream of [true, false]) {
      it(`during ${phase}, ${stream ? 'streaming' : 'waiting'}, ends the generation`, async () => {
        const engine = speaks(...steps)
        const server = await serveFake(engine, { pingMs: 5 })
        const { socket, heard } = await post(server.port, hello({ stream }))
        await until(() => engine.requests.length === 1 && engine.batches === steps.length - 1)
        if (stream) await until(() => heard().includes('event: ping'))
        await expectCancelled(engine, () => socket.destroy())
        await until(() => server.lines.length === 1)
        expect(server.lines[0]).toMatchObject({ status: stream ? 200 : 499, error: 'the generation was cancelled' })
      })
    }
  }

  it('by half-closing the connection ends the generation', async () => {
    const engine = speaks('a', 'hang')
    const { port } = await serveFake(engine)
    const { socket } = await post(port, hello({ stream: true }))
    await until(() => engine.batches === 1)
    await expectCancelled(engine, () => socket.end())
  })

  it('while its request waits does not disturb other requests', async () => {
    const speaking = gate()
    const engine = speaks([{ wait: speaking.passed }, 'one', END], ['hang'])
    const { url, port } = await serveFake(engine)
    const first = ask(`${url}/v1/messages`, { body: hello() })
    await until(() => engine.requests.length === 1)
    const { socket } = await post(port, hello({ stream: true }))
    await until(() => engine.requests.length === 2)
    await expectCancelled(engine, () => socket.destroy())
    speaking.open()
    expect((await first).json.content).toEqual([{ type: 'text', text: 'one' }])
  })

  it('while its request waits gives its place back at once', async () => {
    const engine = speaks('hang')
    const { url, port } = await serveFake(engine, { maxRequests: 2 })
    await post(port, hello())
    await until(() => engine.requests.length === 1)
    const { socket } = await post(port, hello())
    await until(() => engine.requests.length === 2)
    expect((await ask(`${url}/v1/messages`, { body: hello() })).status).toBe(429)
    await expectCancelled(engine, () => socket.destroy())
    await post(port, hello())
    await until(() => engine.requests.length === 3)
  })

  it('with requests behind another on its connection ends them all', async () => {
    const engine = speaks('hang')
    const { port, lines } = await serveFake(engine)
    const request = requestOf(hello())
    const { socket } = await post(port, hello({ stream: true }))
    await until(() => engine.requests.length === 1)
    socket.write(request + request)
    await until(() => engine.requests.length === 3)
    socket.destroy()
    await until(() => engine.ended === 3 && lines.length === 3)
    expect(lines.map(({ status }) => status).sort()).toEqual([200, 499, 499])
  })

  it('in the middle of its body starts no generation', async () => {
    const engine = speaks('x')
    const { url, port, lines } = await serveFake(engine)
    const socket = connect(port, '127.0.0.1')
    socket.write('POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"model"')
    await sleep(20)
    socket.destroy()
    await until(() => lines.length === 1)
    expect(engine.requests).toEqual([])
    expect((await ask(`${url}/health`)).status).toBe(200)
  })

  it('is noticed after garbage was collected', async () => {
    const engine = speaks('hang')
    const { port } = await serveFake(engine)
    const { socket } = await post(port, hello({ stream: true }))
    await until(() => engine.requests.length === 1)
    for (let i = 0; i < 50; i++) new Array(1_000_000).fill(i)
    await sleep(20)
    await expectCancelled(engine, () => socket.destroy())
  })

  it('by cancelling a Response body without a socket ends the generation and frees its place', async () => {
    const engine = speaks('a', 'hang')
    const house = createHouse({ first: fakeModel(engine) })
    const activity = createActivity(house)
    onTestFinished(activity.close)
    const app = createApp({
      house,
      activity,
      keys: createKeys({}),
      edge: createEdge({ loopback: true, allowedHosts: [], allowedOrigins: [] }),
      pingMs: 1000,
      limits: limitsOf({ maxRequests: 1 }),
      counted: createMetrics(),
      onOverflow: 'auto',
    })
    const request = () =>
      new Request('http://localhost/v1/messages', {
        method: 'POST',
        headers: { host: 'localhost', 'content-type': 'application/json' },
        body: JSON.stringify(hello({ stream: true })),
      })
    const line = () => ({ method: '', path: '', status: 0, ms: 0 })
    const first = await app(request(), line())
    await first.body?.cancel()
    // Its place is free again.
    const second = await app(request(), line())
    expect(second.status).toBe(200)
    const reader = second.body?.getReader()
    for (let i = 0; i < 3; i++) await reader?.read()
    await expectCancelled(engine, () => void reader?.cancel())
  })
})

/** The count, once it has stood still for 20 turns of the loop that would raise it. */
async function stalled(count: () => number): Promise<number> {
  for (let still = 0, last = 0; ; last = count()) {
    still = count() > 0 && count() === last ? still + 1 : 0
    if (still === 20) return last
    await sleep(20)
  }
}

it('a slow reader slows the generation down to its own speed', async () => {
  const steps = Array.from({ length: 4000 }, () => 'x'.repeat(4000))
  const engine = speaks(...steps)
  const { port } = await serveFake(engine)
  const { socket, heard } = await post(port, hello({ stream: true, max_tokens: 99_000_000 }))
  engine.info.window = 100_000_000
  socket.pause()
  const before = await stalled(() => engine.batches)
  expect(before).toBeLessThan(4000)
  socket.resume()
  await until(() => engine.batches > before)
  socket.destroy()
  expect(heard()).toContain('message_start')
})

describe('closing the server', () => {
  it('ends running requests, and is safe to do twice', async () => {
    const engine = speaks('a', 'hang')
    const server = await serveFake(engine)
    const { socket, heard } = await post(server.port, hello({ stream: true }))
    const whole = ask(`${server.url}/v1/messages`, { body: hello() })
    await until(() => heard().includes('text_delta') && engine.requests.length === 2)
    const ended = new Promise((resolve) => socket.once('close', resolve))
    await Promise.all([server.close(), server.close()])
    await server.close()
    await ended
    const { status, headers, json } = await whole
    expect([status, headers.connection]).toEqual([503, 'close'])
    expect(json.error).toMatchObject({ type: 'api_error', message: 'the server is closing' })
    expect(engine.ended).toBe(2)
    await expect(ask(`${server.url}/health`)).rejects.toThrow()
  })

  it('does not wait long for a client that sends or reads nothing', async () => {
    const engine = speaks(...Array.from({ length: 2000 }, () => 'x'.repeat(10_000)), END)
    const { port, close } = await serveFake(engine)
    const { socket } = await post(port, hello({ stream: true, max_tokens: 100_000_000 }))
    socket.pause()
    const half = connect(port, '127.0.0.1').on('error', () => {})
    half.write('POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{"model"')
    await until(() => engine.batches > 0)
    // Else it would wait for the rest of a body, five minutes.
    await close()
  })

  it('does not wait for idle connections', async () => {
    const { port, close } = await serveFake(speaks('x'))
    const socket = connect(port, '127.0.0.1')
    await new Promise((resolve) => socket.once('connect', resolve))
    socket.on('error', () => {})
    await close()
  })

  it('works while the model is still loading', async () => {
    const { serve } = await import('../../src/server/serve.js')
    const server = await serve(new Promise(() => {}), { port: 0 })
    expect((await ask(`${server.url}/health`)).json).toEqual({ status: 'loading', message: 'model is loading' })
    await server.close()
  })
})
