/** Every limit is answered at once, with a status of its own, and what is beyond it is not kept. */
import { describe, expect, it, test } from 'vitest'
import { MOST_AT_ONCE } from '../../src/server/connections.js'
import { serve } from '../../src/server/serve.js'
import { speaks } from '../support/fake-engine.js'
import { fakeModel } from '../support/fake-model.js'
import { ask, hello, serveFake } from '../support/fake-server.js'
import { openRaw, post, type RawConnection, raw } from '../support/raw-http.js'
import { until } from '../support/until.js'

const END = { control: '<end>' }
const MiB = 2 ** 20

/** The status and the error of an answer in Anthropic's shape. */
function shown(text: string) {
  const body = text.slice(text.indexOf('\r\n\r\n') + 4)
  const { type, error } = JSON.parse(body)
  expect(type).toBe('error')
  return [Number(text.slice(9, 12)), error.type]
}

const answered = /\r\n\r\n.*\}$/s

describe('a body', () => {
  it('that is declared too large is answered before any of it is sent', async () => {
    const { port } = await serveFake(speaks('x'))
    for (const path of ['/v1/messages', '/v1/messages/count_tokens']) {
      const connection = await openRaw(port, `${post(path, 'Content-Length: 1099511627776')}{`)
      const text = await connection.until(answered)
      expect(shown(text)).toEqual([413, 'request_too_large'])
      expect(text.toLowerCase()).toContain('connection: close')
    }
  })

  it('that is declared too large is refused instead of asked for', async () => {
    const { port } = await serveFake(speaks('x'))
    const expecting = 'Content-Length: 1099511627776\r\nExpect: 100-continue'
    const text = await (await openRaw(port, post('/v1/messages', expecting))).until(answered)
    expect(shown(text)).toEqual([413, 'request_too_large'])
    const good = JSON.stringify(hello())
    const asked = await openRaw(
      port,
      post('/v1/messages/count_tokens', `Content-Length: ${good.length}\r\nExpect: 100-continue`),
    )
    expect(await asked.until(/\r\n\r\n/)).toMatch(/^HTTP\/1.1 100 Continue/)
    asked.socket.write(good)
    expect(await asked.until(/input_tokens/)).toContain('200 OK')
  })

  it('that is found too large is answered while it is still sent, and read on so that the client sees it', async () => {
    const { port, url } = await serveFake(speaks('Hi', END), { maxBody: MiB, maxBodies: MiB })
    const connection = await openRaw(port, post('/v1/messages', 'Transfer-Encoding: chunked'))
    const piece = `${(64 * 1024).toString(16)}\r\n${'a'.repeat(64 * 1024)}\r\n`
    await connection.flood(piece, 20)
    expect(shown(await connection.until(answered))).toEqual([413, 'request_too_large'])
    // 20 MiB more are taken, and the end of the body then closes the connection without a reset.
    expect(await connection.flood(piece, 320)).toBe(320)
    connection.socket.write('0\r\n\r\n')
    await new Promise((resolve) => connection.socket.once('end', resolve))
    expect((await ask(`${url}/v1/messages`, { body: hello() })).status).toBe(200)
  })

  it('that never ends is cut off after 64 MiB', async () => {
    const { port } = await serveFake(speaks('x'), { maxBody: MiB, maxBodies: MiB })
    for (const path of ['/v1/messages', '/nowhere']) {
      const connection = await openRaw(port, post(path, 'Transfer-Encoding: chunked'))
      const written = await connection.flood(`100000\r\n${'a'.repeat(MiB)}\r\n`, 200)
      expect(written).toBeGreaterThan(60)
      expect(written).toBeLessThan(100)
    }
  })

  it('that comes too slowly is answered with 408', async () => {
    const { port, lines } = await serveFake(speaks('x'), { bodyTimeout: 1 })
    const connection = await openRaw(port, `${post('/v1/messages', 'Content-Length: 1000')}{`)
    const drip = setInterval(() => connection.socket.write(' '), 100)
    const text = await connection.until(answered)
    clearInterval(drip)
    expect(shown(text)).toEqual([408, 'timeout_error'])
    connection.socket.destroy()
    await until(() => lines.length > 0)
    expect(lines.map(({ status }) => status)).toEqual([408])
  })

  test.each([
    ['text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['multipart/form-data; boundary=x', 415],
    ['application/jsonp', 415],
    ['text/json;application/json', 415],
    ['application/json', 200],
    ['Application/JSON; charset=utf-8', 200],
    ['application/vnd.api+json', 200],
  ])('of type %s is answered with %i', async (type, status) => {
    const { url } = await serveFake(speaks('Hi', END))
    const init = { method: 'POST', headers: { 'content-type': type }, body: hello() }
    expect((await ask(`${url}/v1/messages`, init)).status).toBe(status)
    expect((await ask(`${url}/v1/messages/count_tokens`, init)).status).toBe(status)
  })

  it('that is compressed is answered with 415', async () => {
    const { url } = await serveFake(speaks('Hi', END))
    const reply = await ask(`${url}/v1/messages`, { headers: { 'content-encoding': 'gzip' }, body: hello() })
    expect([reply.status, reply.json.error.message]).toEqual([415, expect.stringContaining('content-encoding gzip')])
  })

  it('is refused above the depth that is set', async () => {
    const { url } = await serveFake(speaks('Hi', END), { maxDepth: 20 })
    const nested = (depth: number) => hello({ metadata: JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`) })
    for (const path of ['/v1/messages', '/v1/messages/count_tokens']) {
      expect((await ask(url + path, { body: nested(15) })).status).toBe(200)
      const deep = await ask(url + path, { body: nested(25) })
      expect([deep.status, deep.json.error.message]).toEqual([400, 'body: Input is nested deeper than 20 levels'])
    }
  })
})

describe('many bodies at once', () => {
  const head = post('/v1/messages', `Content-Length: ${MiB}`)

  it('stay within their bound: the largest is refused, and a small request is answered', async () => {
    const { port, url } = await serveFake(speaks('Hi', END), { maxBody: MiB, maxBodies: 2 * MiB })
    const clients = await Promise.all(Array.from({ length: 8 }, () => openRaw(port, head)))
    for (const client of clients) await client.flood('a'.repeat(100_000), 9)
    const isRefused = (client: RawConnection) => answered.test(client.text())
    await until(() => clients.filter(isRefused).length >= 5)
    const refused = clients.filter(isRefused)
    expect(refused.length).toBeLessThan(8)
    for (const client of refused) {
      expect(shown(client.text())).toEqual([429, 'rate_limit_error'])
      expect(client.text()).toContain('retry-after: 1')
    }
    expect((await ask(`${url}/v1/messages`, { body: hello() })).status).toBe(200)
  })

  it('leave nothing behind once they were answered, refused, or their clients are gone', async () => {
    const { port, url } = await serveFake(speaks('Hi', END), { maxBody: MiB, maxBodies: MiB })
    const large = hello({ messages: [{ role: 'user', content: 'a'.repeat(600_000) }], model: 5 })
    for (let i = 0; i < 5; i++) {
      expect((await ask(`${url}/v1/messages`, { body: large })).status).toBe(400)
      const gone = await openRaw(port, head)
      await gone.flood('a'.repeat(100_000), 6)
      gone.socket.destroy()
      // Until the server has heard of that, it has no room.
      const status = async () => (await ask(`${url}/v1/messages`, { body: large })).status
      await expect.poll(status, { timeout: 60_000 }).toBe(400)
    }
  })
})

describe('headers', () => {
  const get = (headers: string) => `GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`

  it('that are too large are answered with 431', async () => {
    const { port } = await serveFake(speaks('x'), { maxHeaders: 4096 })
    expect(shown(await raw(port, get(`X: ${'a'.repeat(5000)}\r\n`)))).toEqual([431, 'invalid_request_error'])
    expect(await raw(port, get(`X: ${'a'.repeat(3000)}\r\n`))).toMatch(/^HTTP\/1.1 200/)
  })

  it('that never end are answered with 408, and a connection that sends nothing is closed without a word', async () => {
    const { port } = await serveFake(speaks('x'), { headersTimeout: 1 })
    const [slow, silent] = await Promise.all(['GET /health HTTP/1.1\r\nHo', ''].map((bytes) => raw(port, bytes)))
    expect(shown(slow as string)).toEqual([408, 'timeout_error'])
    expect(silent).toBe('')
  })
})

it('a connection that is idle between two requests is closed', async () => {
  const { port } = await serveFake(speaks('x'), { idleTimeout: 1 })
  const started = performance.now()
  await raw(port, 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')
  expect(performance.now() - started).toBeGreaterThan(900)
})

it('connections above the limit are answered with 429, but health is answered', async () => {
  const { port } = await serveFake(speaks('x'), { maxConnections: 3 })
  const get = (path: string) => raw(port, `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
  const open = await Promise.all([1, 2, 3].map(() => openRaw(port, 'GET /health HTTP/1.1\r\nHo')))
  const text = await get('/v1/models')
  expect(shown(text)).toEqual([429, 'rate_limit_error'])
  expect(text).toContain('retry-after: 1')
  expect(await get('/health')).toMatch(/^HTTP\/1.1 200/)
  for (const { socket } of open) socket.destroy()
  await expect.poll(() => get('/v1/models'), { timeout: 60_000 }).toMatch(/^HTTP\/1.1 200/)
})

it('300 slow and 500 idle connections do not delay a request by 50 ms', async () => {
  const { port, url } = await serveFake(speaks('x'))
  const slow = await Promise.all(
    Array.from({ length: 300 }, () => openRaw(port, `${post('/v1/messages', 'Content-Length: 1000')}{`)),
  )
  await Promise.all(Array.from({ length: 500 }, () => openRaw(port, '')))
  const drip = setInterval(() => {
    for (const { socket } of slow) socket.write(' ')
  }, 1000)
  const took: number[] = []
  for (let i = 0; i < 20; i++) {
    const started = performance.now()
    expect((await ask(`${url}/health`)).status).toBe(200)
    took.push(performance.now() - started)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  clearInterval(drip)
  // Each would take longer. Other work of the machine holds up some, not all.
  expect(Math.min(...took)).toBeLessThan(50)
})

describe('what is no request is answered in the shape of the API', () => {
  test.each([
    ['TRACE / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', 405],
    ['CONNECT evil:80 HTTP/1.1\r\nHost: evil:80\r\n\r\n', 405],
    ['FOO / HTTP/1.1\r\nHost: localhost\r\n\r\n', 405],
    ['get / HTTP/1.1\r\nHost: localhost\r\n\r\n', 405],
    ['PROPFIND /v1/messages HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n', 405],
    ['GET /health HTTP/1.1\r\nHost: localhost\r\nX : a\r\n\r\n', 400],
    ['POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n', 400],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400],
    ['nonsense\r\n\r\n', 405],
  ])('%j -> %i', async (bytes, status) => {
    const { port } = await serveFake(speaks('x'))
    const text = await raw(port, bytes)
    expect(shown(text)).toEqual([status, 'invalid_request_error'])
    if (status === 405) expect(text).toMatch(/allow: /)
  })
})

describe('requests at once on one connection', () => {
  const get = 'GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const hanging = `${post('/v1/messages', `Content-Length: ${JSON.stringify(hello()).length}`)}${JSON.stringify(hello())}`

  it('are answered one after another', async () => {
    const { port } = await serveFake(speaks('x'))
    const last = get.replace('Host', 'Connection: close\r\nHost')
    const text = await raw(port, get.repeat(MOST_AT_ONCE - 1) + last)
    expect(text.match(/HTTP\/1.1 200/g)).toHaveLength(MOST_AT_ONCE)
  })

  it('that are too many close it, and end', async () => {
    const engine = speaks('hang')
    const { port, url, lines } = await serveFake(engine)
    expect(await raw(port, hanging + get.repeat(MOST_AT_ONCE))).toBe('')
    expect((await ask(`${url}/health`)).status).toBe(200)
    expect(lines.length).toBeLessThanOrEqual(MOST_AT_ONCE + 1)
    expect(engine.ended).toBe(engine.requests.length)
  })

  it('behind the last answer close it, also for a client that does not read it', async () => {
    const { port, url } = await serveFake(speaks('x'))
    const whole = `${post('/v1/none', 'Content-Length: 90')}${'x'.repeat(90)}`
    const { socket, flood } = await openRaw(port, whole.slice(0, -1))
    socket.pause()
    await flood(`x${whole.repeat(60)}${whole.slice(0, -1)}`, 300)
    expect((await ask(`${url}/health`)).status).toBe(200)
  })
})

it('a body that is longer than it says is named while its request waits', async () => {
  const { port } = await serveFake(speaks('hang'))
  const body = JSON.stringify(hello())
  const text = await raw(port, `${post('/v1/messages', `Content-Length: ${body.length}`)}${body}]}`)
  expect(shown(text)).toEqual([400, 'invalid_request_error'])
  expect(text).toContain('the body is longer than its content-length says')
})

test.each([
  [{ maxBody: 1 }, 'maxBody must be a whole number between 1024 and 268435456, not 1'],
  [{ maxBodies: 2048 }, 'maxBodies (2048) must be at least maxBody (33554432)'],
  [{ bodyTimeout: 0.5 }, 'bodyTimeout must be a whole number'],
])('serve() refuses the limits %j', async (limits, message) => {
  await expect(serve(fakeModel(speaks('x')), { port: 0, ...limits })).rejects.toMatchObject({
    code: 'bad_config',
    message: expect.stringContaining(message),
  })
})
