/** Bytes, statuses and headers, as any HTTP client sees them. */
import { describe, expect, it, onTestFinished, test, vi } from 'vitest'
import { requestLine } from '../../src/cli/serving/request-line.js'
import { TetherError } from '../../src/errors.js'
import type { Model } from '../../src/load-model.js'
import { type LogLine, serve } from '../../src/server/serve.js'
import { speaks } from '../support/fake-engine.js'
import { fakeModel } from '../support/fake-model.js'
import { ask, hello, serveFake } from '../support/fake-server.js'
import { gate } from '../support/gate.js'
import { openRaw, post, raw } from '../support/raw-http.js'
import { until } from '../support/until.js'

const END = { control: '<end>' }
const streamed = hello({ stream: true })

describe('an event stream', () => {
  it('is event and data lines', async () => {
    const { url } = await serveFake(speaks('Hi', END))
    const { status, headers, text } = await ask(`${url}/v1/messages?beta=true`, { body: streamed })
    expect(status).toBe(200)
    expect(headers['content-type']).toBe('text/event-stream; charset=utf-8')
    expect(headers['request-id']).toMatch(/^req_/)
    const events = text.split('\n\n')
    expect(events.pop()).toBe('')
    const names = events.map((event) => {
      const [, name, data] = /^event: (\w+)\ndata: (.+)$/.exec(event) ?? []
      expect(JSON.parse(data ?? '').type).toBe(name)
      return name
    })
    expect(names).toEqual([
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ])
  })

  it('begins at once and pings while the engine is busy, with this request or another', async () => {
    const speaking = gate()
    const { port } = await serveFake(speaks({ wait: speaking.passed }, 'Hi', END), { pingMs: 25 })
    const body = JSON.stringify(streamed)
    const request = `${post('/v1/messages', `Content-Length: ${body.length}`)}${body}`
    const both = await Promise.all([1, 2].map(() => openRaw(port, request)))
    for (const { until: comes } of both) {
      expect(await comes(/(event: ping\ndata: {"type":"ping"}\n\n[\s\S]*){3}/)).toMatch(
        /event: message_start\n.*\n\n(\r\n\w+\r\n)?event: ping\n/,
      )
    }
    speaking.open()
    for (const { until: comes } of both) expect(await comes(/event: message_stop/)).toContain('"text":"Hi"')
  })

  it('is cut off by an error that a retry may fix', async () => {
    const { url, lines } = await serveFake(speaks('Hi', { fail: new TetherError('internal', 'odd') }))
    await expect(ask(`${url}/v1/messages`, { body: streamed })).rejects.toMatchObject({ code: 'UND_ERR_SOCKET' })
    await until(() => lines.length === 1)
    expect(lines[0]).toMatchObject({ status: 200, error: 'odd' })
  })

  it('ends with an error event for an error that a retry cannot fix', async () => {
    const { url } = await serveFake(speaks('Hi', { fail: new TetherError('not_enough_memory', 'too big') }))
    const { status, text } = await ask(`${url}/v1/messages`, { body: streamed })
    expect(status).toBe(200)
    const body = '{"type":"error","error":{"type":"request_too_large","message":"too big"},"request_id":"req_'
    expect(text).toContain(`event: error\ndata: ${body}`)
  })
})

it('an engine error before the first byte is answered with its own status', async () => {
  const { url } = await serveFake(speaks({ fail: new TetherError('not_enough_memory', 'too big') }))
  const { status, json } = await ask(`${url}/v1/messages`, { body: hello() })
  expect(status).toBe(413)
  expect(json.error).toEqual({ type: 'request_too_large', message: 'too big' })
})

describe('a request for a path', () => {
  test.each([
    ['GET', '/', 200],
    ['GET', '/nowhere', 404],
    ['GET', '//evil/v1/models', 404],
    ['GET', '/v1/models/%E0%A4%A', 404],
    ['POST', '/v1/complete', 404],
    ['HEAD', '/api/hello', 404],
    ['HEAD', '/', 200],
    ['HEAD', '/health', 200],
    ['HEAD', '/v1/models', 200],
    ['HEAD', '/v1/messages', 405],
    ['GET', '/v1/messages', 405],
    ['DELETE', '/v1/models', 405],
    ['OPTIONS', '/v1/messages', 405],
    ['GET', '/v1/models?limit=1000', 200],
    ['GET', '/health?x', 200],
  ])('%s %s is answered with %i', async (method, path, status) => {
    const { url } = await serveFake(speaks('x'))
    const reply = await ask(url + path, { method })
    expect(reply.status).toBe(status)
    expect(reply.headers['request-id']).toMatch(/^req_/)
    if (method === 'HEAD') expect(reply.text).toBe('')
    else if (status >= 400) expect(reply.json).toMatchObject({ type: 'error', request_id: reply.headers['request-id'] })
    if (status === 405) expect(reply.headers.allow).toBe(path === '/v1/messages' ? 'POST' : 'GET, HEAD')
  })

  it('is understood in every form of target', async () => {
    const { port } = await serveFake(speaks('x'))
    const get = (target: string) =>
      raw(port, `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`).then((text) =>
        text.slice(9, 12),
      )
    expect(await get('http://127.0.0.1/health')).toBe('200')
    expect(await get('health')).toBe('400')
    expect(await get('*')).toBe('404')
    expect(await get('http://me:secret@127.0.0.1/health')).toBe('404')
  })
})

describe('a request body', () => {
  test.each([
    ['no JSON', '{"model":', 'the body is not valid JSON'],
    ['nothing', '', 'the body is not valid JSON'],
    ['no model', '{"messages":[]}', 'model: Field required'],
    ['a list', '[]', 'body: Input should be an object'],
    ['nested lists', '['.repeat(20_000) + ']'.repeat(20_000), 'body: Input should be an object'],
    ['nested objects', `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`, 'body: Input is nested deeper'],
  ])('%s', async (_, body, message) => {
    const { url } = await serveFake(speaks('x'))
    for (const path of ['/v1/messages', '/v1/messages/count_tokens']) {
      const reply = await ask(url + path, { method: 'POST', body })
      expect(reply.status).toBe(400)
      expect(reply.json.error.type).toBe('invalid_request_error')
      expect(reply.json.error.message).toContain(message)
    }
  })
})

describe('while the model is loading', () => {
  it('requests get the progress, and are answered once it is loaded', async () => {
    let loaded = (_: Model) => {}
    const model = new Promise<Model>((resolve) => {
      loaded = resolve
    })
    const server = await serve(model, { port: 0, progress: () => 0.42 })
    try {
      const health = await ask(`${server.url}/health`)
      expect(health.status).toBe(503)
      expect(health.json).toEqual({ status: 'loading', progress: 0.42, message: 'model is loading (42%)' })
      const early = await ask(`${server.url}/v1/messages`, { body: hello() })
      expect(early.status).toBe(529)
      expect(early.headers['retry-after']).toBe('1')
      expect(early.json.error).toEqual({ type: 'overloaded_error', message: 'model is loading (42%)' })
      for (const path of ['/v1/chat/completions', '/v1/models', '/status']) {
        const other = await ask(server.url + path, path.includes('chat') ? { body: hello() } : {})
        expect(other.status).toBe(503)
        expect(other.headers['retry-after']).toBe('1')
        expect(other.json.error).toMatchObject({ message: 'model is loading (42%)', code: 'not_loaded' })
      }
      loaded(fakeModel(speaks('Hi', END)))
      await model
      const { status, json } = await ask(`${server.url}/health`)
      expect(status).toBe(200)
      expect(json).toMatchObject({ status: 'ok', model: 'fake-model', window: 100_000 })
      expect((await ask(`${server.url}/v1/messages`, { body: hello() })).status).toBe(200)
    } finally {
      await server.close()
    }
  })

  it('a failed load is reported by every answer', async () => {
    const server = await serve(Promise.reject(new TetherError('model_not_found', 'there is no /models/x')), { port: 0 })
    try {
      expect((await ask(`${server.url}/health`)).json).toEqual({ status: 'failed', message: 'there is no /models/x' })
      const { status, json } = await ask(`${server.url}/v1/messages`, { body: hello() })
      expect(status).toBe(500)
      expect(json.error).toEqual({ type: 'api_error', message: 'there is no /models/x' })
    } finally {
      await server.close()
    }
  })
})

it('the server rejects requests above the limit, and accepts new ones once others have ended', async () => {
  const speaking = gate()
  const engine = speaks({ wait: speaking.passed }, 'Hi', END)
  const { url } = await serveFake(engine, { maxRequests: 2 })
  const first = [1, 2].map(() => ask(`${url}/v1/messages`, { body: hello() }))
  await until(() => engine.requests.length === 2)
  const over = await ask(`${url}/v1/messages`, { body: streamed })
  expect(over.status).toBe(429)
  expect(over.headers['retry-after']).toBe('5')
  expect(over.json.error.type).toBe('rate_limit_error')
  speaking.open()
  for (const { status } of await Promise.all(first)) expect(status).toBe(200)
  expect((await ask(`${url}/v1/messages`, { body: hello() })).status).toBe(200)
})

it('a full server rejects a wrong request for what is wrong with it, so that its client does not retry', async () => {
  const engine = speaks('hang')
  const { url } = await serveFake(engine, { maxRequests: 1 })
  const running = ask(`${url}/v1/messages`, { body: hello() }).catch(() => {})
  await until(() => engine.requests.length === 1)
  const wrong = [
    '{"model":',
    '',
    [],
    hello({ model: null }),
    hello({ max_tokens: 0 }),
    hello({ messages: 'hi' }),
    hello({ tool_choice: { type: 'any' } }),
  ]
  for (const body of wrong) expect((await ask(`${url}/v1/messages`, { body })).status, JSON.stringify(body)).toBe(400)
  expect((await ask(`${url}/v1/messages`, { body: hello() })).status).toBe(429)
  void running
})

it('the server logs one line for each request', async () => {
  const engine = speaks('Hi', END)
  engine.cachedTokens = 5
  engine.createdTokens = 3
  const { url, lines } = await serveFake(engine)
  await ask(`${url}/v1/messages?beta=true`, { body: streamed })
  await ask(`${url}/v1/messages`, { body: hello({ max_tokens: 0 }) })
  await until(() => lines.length === 2)
  expect(lines[0]).toEqual({
    method: 'POST',
    path: '/v1/messages',
    status: 200,
    ms: expect.any(Number),
    model: 'some-model',
    inputTokens: engine.requests[0]?.prompt.length,
    cachedTokens: 5,
    createdTokens: 3,
    outputTokens: 2,
    waitMs: expect.any(Number),
    ttftMs: expect.any(Number),
    stopReason: 'end_turn',
  })
  expect(requestLine(lines[0] as LogLine)).toMatch(/ s, 20 in \(5 cached, 3 kept\), 2 out, /)
  expect(lines[1]).toMatchObject({ status: 400, error: expect.stringMatching(/^max_tokens: /) })
})

it('an answer that was ended because it repeated itself ends like any other, and the log says why', async () => {
  const engine = speaks('so so so', END)
  const { generate } = engine
  engine.generate = async function* (...request) {
    for await (const { tokens, finish } of generate(...request))
      yield finish ? { tokens, finish: { ...finish, reason: 'loop' as const, stopToken: undefined } } : { tokens }
  }
  const { url, lines } = await serveFake(engine)
  const { json } = await ask(`${url}/v1/messages`, { body: hello({ stream: false }) })
  expect([json.stop_reason, json.content]).toEqual(['end_turn', [{ type: 'text', text: 'so so so' }]])
  await until(() => lines.length === 1)
  expect(requestLine(lines[0] as LogLine)).toMatch(/, end_turn, ended because it repeated itself$/)
  expect(engine.requests[0]?.loopGuard).toBe(true)
})

it('serve() names an address that it cannot listen on', async () => {
  await expect(serve(fakeModel(speaks('x')), { port: 99_999 })).rejects.toMatchObject({ code: 'bad_config' })
  await expect(serve(fakeModel(speaks('x')), { host: '192.0.2.1', port: 0, apiKey: 'k' })).rejects.toMatchObject({
    code: 'bad_config',
    message:
      'cannot listen on 192.0.2.1:0: this machine has no such address. Use 127.0.0.1 for this machine alone, 0.0.0.0 for others too.',
  })
  await expect(
    serve(fakeModel(speaks('x')), { host: 'no-such-host.invalid', port: 0, apiKey: 'k' }),
  ).rejects.toMatchObject({
    message: expect.stringMatching(/^cannot listen on no-such-host\.invalid:0: /),
  })
})

it('serve() names an address that is taken', async () => {
  const { port } = await serveFake(speaks('x'))
  await expect(serve(fakeModel(speaks('x')), { port })).rejects.toMatchObject({
    code: 'port_in_use',
    message: expect.stringContaining(`127.0.0.1:${port}`),
  })
})

it('a log that throws is a warning, and ends neither the request nor the process', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockReturnValue()
  onTestFinished(() => warned.mockRestore())
  const fail = () => {
    throw new Error('the disk is full')
  }
  const { url } = await serveFake(speaks('Hi', END), { onLog: fail, onBody: fail })
  for (let i = 0; i < 2; i++) expect((await ask(`${url}/v1/messages`, { body: hello() })).status).toBe(200)
  await until(() => warned.mock.calls.length >= 4)
  expect(warned).toHaveBeenCalledWith(expect.objectContaining({ message: 'the disk is full' }))
})
