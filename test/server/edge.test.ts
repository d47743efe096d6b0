/** Who is let in: Host and Origin, keys, and what other addresses than loopback need. */
import { describe, expect, it, test } from 'vitest'
import { serve } from '../../src/server/serve.js'
import { speaks } from '../support/fake-engine.js'
import { fakeModel } from '../support/fake-model.js'
import { ask, hello, serveFake } from '../support/fake-server.js'
import { raw } from '../support/raw-http.js'
import { until } from '../support/until.js'

const END = { control: '<end>' }
const get = (host: string, more = '') =>
  `GET /v1/models HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer right\r\nConnection: close\r\n${more}\r\n`

describe.each([
  ['with a key', { apiKey: 'right' }],
  ['without a key', {}],
])('on a loopback address %s', (_, options) => {
  test.each([
    ['localhost', 200],
    ['LOCALHOST:80', 200],
    ['127.0.0.1:8080', 200],
    ['127.1.2.3', 200],
    ['[::1]:8080', 200],
    ['evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['localhost@evil.example', 403],
    ['evil@127.0.0.1', 403],
    ['localhost.', 403],
    ['0.0.0.0', 403],
    ['2130706433', 403],
    ['[::ffff:127.0.0.1]', 403],
    ['\x9b31mx', 403],
    ['', 403],
  ])('Host %j is answered with %i', async (host, status) => {
    const { port } = await serveFake(speaks('x'), options)
    const text = await raw(port, get(host))
    expect(text.slice(9, 12)).toBe(String(status))
    if (status !== 200) expect(text).toContain('"permission_error"')
  })

  it('two Host headers, none, and a target of another host are refused', async () => {
    const { port } = await serveFake(speaks('x'), options)
    const two = 'GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n'
    expect(await raw(port, two)).toMatch(/^HTTP\/1.1 403/)
    expect(await raw(port, 'GET /health HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 403/)
    expect(await raw(port, 'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1.1 403/)
    const absolute = (at: string) => `GET http://${at}/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`
    expect(await raw(port, absolute('evil.example'))).toMatch(/^HTTP\/1.1 403/)
    expect(await raw(port, absolute('127.0.0.1'))).toMatch(/^HTTP\/1.1 200/)
  })

  test.each([
    ['http://localhost:8080', 200],
    ['https://localhost:8080', 200],
    ['http://localhost:3000', 403],
    ['http://127.0.0.1:8080', 403],
    ['http://localhost', 403],
    ['http://localhost.evil.example:8080', 403],
    ['chrome-extension://abc', 403],
    ['https://evil.example', 403],
    ['null', 403],
  ])('Origin %s is answered with %i at localhost:8080', async (origin, status) => {
    const { port } = await serveFake(speaks('x'), options)
    const text = await raw(port, get('localhost:8080', `Origin: ${origin}\r\n`))
    expect(text.slice(9, 12)).toBe(String(status))
    expect(text).not.toMatch(/access-control/i)
  })

  it('a preflight of a page that is not named is refused', async () => {
    const { url } = await serveFake(speaks('x'), options)
    for (const origin of ['https://evil.example', 'http://localhost:3000']) {
      const headers = { origin, 'access-control-request-method': 'POST' }
      const reply = await ask(`${url}/v1/messages`, { method: 'OPTIONS', headers })
      expect(reply.status).toBe(403)
      expect(Object.keys(reply.headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    }
  })

  it('a host and an origin that are named are let in, and the origin may read the answer', async () => {
    const more = { ...options, allowedHosts: ['Mac.local'], allowedOrigins: ['https://app.example:8443', 'null'] }
    const { url, port } = await serveFake(speaks('Hi', END), more)
    expect(await raw(port, get('mac.local:8080'))).toMatch(/^HTTP\/1.1 200/)
    expect(await raw(port, get('other.local'))).toMatch(/^HTTP\/1.1 403/)
    const origin = 'https://app.example:8443'
    const asking = {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'x-api-key,content-type',
      'access-control-request-private-network': 'true',
    }
    const allowed = await ask(`${url}/v1/messages`, { method: 'OPTIONS', headers: asking })
    expect(allowed.status).toBe(204)
    expect(allowed.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET, HEAD, POST, DELETE',
      'access-control-allow-headers': 'x-api-key,content-type',
      'access-control-allow-private-network': 'true',
      vary: 'origin',
    })
    const headers = { origin, 'x-api-key': 'right', 'content-type': 'application/json' }
    for (const [body, status] of [
      [hello(), 200],
      [[], 400],
    ] as const) {
      const reply = await ask(`${url}/v1/messages`, { headers, body })
      expect([reply.status, reply.headers['access-control-allow-origin']]).toEqual([status, origin])
    }
    const other = await ask(`${url}/v1/models`, { headers: { ...headers, origin: 'https://app.example' } })
    expect([other.status, other.headers['access-control-allow-origin']]).toEqual([403, undefined])
  })
})

describe('with a key set', () => {
  test.each([
    [{}, 401],
    [{ authorization: 'Bearer wrong' }, 401],
    [{ 'x-api-key': 'wrong' }, 401],
    [{ authorization: 'Basic right' }, 401],
    [{ authorization: 'Bearer right' }, 200],
    [{ authorization: 'bearer right' }, 200],
    [{ 'x-api-key': 'right' }, 200],
    [{ authorization: 'Bearer right', 'x-api-key': 'foreign' }, 200],
    [{ authorization: 'Bearer foreign', 'x-api-key': 'right' }, 200],
  ])('headers %j are answered with %i', async (headers, status) => {
    const { url } = await serveFake(speaks('x'), { apiKey: 'right' })
    expect((await ask(`${url}/v1/models`, { headers })).status).toBe(status)
    expect((await ask(`${url}/health`, { headers })).status).toBe(200)
  })

  it('each of several keys is accepted, and the log has its name', async () => {
    const { url, lines } = await serveFake(speaks('x'), { apiKey: 'one', apiKeys: { laptop: 'two', ci: 'three' } })
    for (const key of ['one', 'two', 'three', 'four']) {
      const reply = await ask(`${url}/v1/models`, { headers: { 'x-api-key': key } })
      expect(reply.status).toBe(key === 'four' ? 401 : 200)
    }
    await until(() => lines.length === 4)
    expect(lines.map(({ key }) => key)).toEqual(['default', 'laptop', 'ci', undefined])
    expect(JSON.stringify(lines)).not.toMatch(/"(one|two|three|four)"/)
  })

  it('other keys may take their place while it runs', async () => {
    const { url, setKeys } = await serveFake(speaks('x'), { apiKey: 'one' })
    const status = async (key: string) => (await ask(`${url}/v1/models`, { headers: { 'x-api-key': key } })).status
    setKeys({ default: 'one', terminal: 'two' })
    expect([await status('one'), await status('two')]).toEqual([200, 200])
    setKeys({ terminal: 'two' })
    expect([await status('one'), await status('two')]).toEqual([401, 200])
    expect(() => setKeys({ a: 'a\nb' })).toThrow('API key "a"')
    expect(await status('two')).toBe(200)
    setKeys({})
    expect([await status('two'), (await ask(`${url}/v1/models`)).status]).toEqual([401, 401])
  })

  it('tells a client whose key may yet come to try again, and one without any that it needs one', async () => {
    let coming = true
    const { url, setKeys } = await serveFake(speaks('x', { control: '<end>' }), {
      apiKey: 'one',
      keysComing: () => coming,
    })
    const status = async (path: string, key?: string) => {
      const headers = key === undefined ? undefined : { 'x-api-key': key }
      return (await ask(url + path, { headers, body: hello() })).status
    }
    const all = (key?: string) => Promise.all(['/v1/messages', '/v1/chat/completions'].map((path) => status(path, key)))
    expect(await all('two')).toEqual([529, 503])
    expect(await all()).toEqual([401, 401])
    expect(await all('one')).toEqual([200, 200])
    setKeys({ default: 'one', terminal: 'two' })
    expect(await all('two')).toEqual([200, 200])
    coming = false
    expect(await all('three')).toEqual([401, 401])
  })

  it('keys that come later lock nobody out of a server that needs none, and name who has one', async () => {
    const { url, setKeys, lines } = await serveFake(speaks('x'))
    setKeys({ terminal: 'two' })
    for (const key of ['two', 'wrong']) {
      expect((await ask(`${url}/v1/models`, { headers: { 'x-api-key': key } })).status).toBe(200)
    }
    await until(() => lines.length === 2)
    expect(lines.map(({ key }) => key)).toEqual(['terminal', undefined])
  })

  test.each(['', ' ', ' a', 'a\nb', 'a\x1bb', 'schlüssel'])('serve() refuses the key %j', async (apiKey) => {
    await expect(serve(fakeModel(speaks('x')), { port: 0, apiKey })).rejects.toMatchObject({ code: 'bad_config' })
    await expect(serve(fakeModel(speaks('x')), { port: 0, apiKeys: { a: apiKey } })).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining('API key "a"'),
    })
  })
})

describe('on an address of other machines', () => {
  it('serve() needs a key, or to be told that none is meant', async () => {
    const model = fakeModel(speaks('x'))
    for (const host of ['0.0.0.0', '::']) {
      await expect(serve(model, { port: 0, host })).rejects.toMatchObject({
        code: 'bad_config',
        message: expect.stringContaining(`${host} can be reached from other machines`),
      })
    }
    const open = await serveFake(speaks('x'), { host: '0.0.0.0', insecureNoKey: true })
    expect((await ask(`${open.url}/v1/models`)).status).toBe(200)
  })

  it('any Host is answered until some are named, and only pages of that host', async () => {
    const { port } = await serveFake(speaks('x'), { host: '0.0.0.0', apiKey: 'right' })
    expect(await raw(port, get('my.machine:8080'))).toMatch(/^HTTP\/1.1 200/)
    expect(await raw(port, get('my.machine:8080', 'Origin: http://my.machine:8080\r\n'))).toMatch(/^HTTP\/1.1 200/)
    expect(await raw(port, get('my.machine:8080', 'Origin: http://evil.example\r\n'))).toMatch(/^HTTP\/1.1 403/)
    const named = await serveFake(speaks('x'), { host: '0.0.0.0', apiKey: 'right', allowedHosts: ['my.machine'] })
    expect(await raw(named.port, get('my.machine'))).toMatch(/^HTTP\/1.1 200/)
    expect(await raw(named.port, get('127.0.0.1'))).toMatch(/^HTTP\/1.1 200/)
    expect(await raw(named.port, get('evil.example'))).toMatch(/^HTTP\/1.1 403/)
  })
})

test.each([
  [{ allowedHosts: ['http://a'] }, 'allowed_hosts: http://a is not a host name'],
  [{ allowedHosts: ['a:80'] }, 'allowed_hosts: a:80 is not a host name'],
  [{ allowedOrigins: ['app.example'] }, 'allowed_origins: app.example is not an origin'],
  [{ allowedOrigins: ['https://app.example/'] }, 'allowed_origins: https://app.example/ is not an origin'],
  [{ allowedOrigins: ['*'] }, 'allowed_origins: * is not an origin'],
])('serve() refuses %j', async (options, message) => {
  const error = await serve(fakeModel(speaks('x')), { port: 0, ...options }).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'bad_config', message: expect.stringContaining(message) })
})
