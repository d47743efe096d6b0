/** OpenAI's routes as any HTTP client sees them: bytes, statuses and headers. */
import { describe, expect, it, test } from 'vitest'
import { TetherError } from '../../src/errors.js'
import { speaks } from '../support/fake-engine.js'
import { ask, serveFake } from '../support/fake-server.js'
import { until } from '../support/until.js'

const END = { control: '<end>' }
const bodies = {
  '/v1/chat/completions': { model: 'm', messages: [{ role: 'user', content: 'hi' }] },
  '/v1/responses': { model: 'm', input: 'hi' },
  '/v1/completions': { model: 'm', prompt: 'hi' },
}
const routes = Object.entries(bodies)

describe.each(routes)('%s', (path, body) => {
  it('streams its events with comments in silence', async () => {
    const { url, lines } = await serveFake(speaks({ wait: 120 }, 'Hi', END), { pingMs: 25 })
    const { status, headers, text } = await ask(url + path, { body: { ...body, stream: true } })
    expect(status).toBe(200)
    expect(headers['content-type']).toBe('text/event-stream; charset=utf-8')
    expect(headers['x-request-id']).toMatch(/^req_/)
    const [first, ...events] = text.split('\n\n')
    expect(first).toMatch(/^(event: response.created\n)?data: \{/)
    expect(events.filter((event) => event === ': ping').length).toBeGreaterThanOrEqual(2)
    expect(events.pop()).toBe('')
    expect(events.at(-1)).toMatch(path === '/v1/responses' ? /^event: response.completed\n/ : /^data: \[DONE\]$/)
    await until(() => lines.length === 1)
    expect(lines[0]).toMatchObject({ path, model: 'm', outputTokens: 2 })
  })

  it('says what is wrong in OpenAI’s shape, with its status', async () => {
    const engine = speaks('hang')
    const { url } = await serveFake(engine, { maxRequests: 1 })
    void ask(url + path, { body }).catch(() => {})
    await until(() => engine.requests.length === 1)
    const shape = { message: expect.any(String), type: expect.any(String), param: null }
    const wrong = await ask(url + path, { body: { ...body, stream: 3 } })
    expect([wrong.status, wrong.json]).toMatchObject([400, { error: { ...shape, param: 'stream', code: null } }])
    const broken = await ask(url + path, { body: '{' })
    expect([broken.status, broken.json]).toMatchObject([400, { error: { ...shape, code: null } }])
    const list = await ask(url + path, { body: '[]' })
    expect([list.status, list.json]).toMatchObject([
      400,
      { error: { ...shape, message: 'body: Input should be an object' } },
    ])
    const full = await ask(url + path, { body })
    expect([full.status, full.json]).toMatchObject([429, { error: { ...shape, code: 'rate_limit_exceeded' } }])
    expect(full.headers['retry-after']).toBe('5')
    const method = await ask(url + path, { method: 'PUT' })
    expect([method.status, method.json]).toMatchObject([405, { error: { ...shape, code: 'method_not_allowed' } }])
    expect(method.headers.allow).toBe('POST')
  })

  it('gives an error of the engine its status, whole or streamed', async () => {
    const { url } = await serveFake(speaks({ fail: new TetherError('not_enough_memory', 'too big') }))
    const whole = await ask(url + path, { body })
    expect([whole.status, whole.json]).toMatchObject([
      413,
      { error: { code: 'not_enough_memory', message: 'too big' } },
    ])
    const { status, text } = await ask(url + path, { body: { ...body, stream: true } })
    expect(status).toBe(200)
    expect(text).toContain('"code":"not_enough_memory"')
  })

  it('asks for the key as a Bearer token', async () => {
    const { url } = await serveFake(speaks('Hi', END), { apiKey: 'right' })
    const wrong = await ask(url + path, { body, headers: { authorization: 'Bearer wrong' } })
    expect([wrong.status, wrong.json.error.code]).toEqual([401, 'invalid_api_key'])
    expect((await ask(url + path, { body, headers: { authorization: 'Bearer right' } })).status).toBe(200)
  })

  it('names fields of any spelling in a header that stays one line', async () => {
    const { url } = await serveFake(speaks('Hi', END))
    const { status, headers } = await ask(url + path, { body: { ...body, 'a"b\\c\r\nset-cookie: x': 1, ключ: 2 } })
    expect(status).toBe(200)
    expect(headers.warning).toBe('299 tether "no effect here: a?b?c??set-cookie: x, ????"')
    expect(headers['set-cookie']).toBeUndefined()
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`${'x'.repeat(1000)}${i}`, 1]))
    expect(String((await ask(url + path, { body: { ...body, ...many } })).headers.warning).length).toBeLessThan(1100)
  })
})

test.each([
  ['/v1/chat', 404],
  ['/v1/chat/completions/', 404],
  ['/v1/responses/resp_1/input_items', 404],
  ['/v1/completions/x', 404],
])('%s does not exist, in OpenAI’s shape', async (path, status) => {
  const { url } = await serveFake(speaks('x'))
  const reply = await ask(url + path)
  expect(reply.status).toBe(status)
  expect(reply.json).toEqual({
    error: {
      message: expect.stringContaining(`not found: ${path}`),
      type: 'invalid_request_error',
      param: null,
      code: 'not_found',
    },
  })
})

test('paths of both protocols answer in a shape that clients of both read', async () => {
  const { url } = await serveFake(speaks('x'))
  const { json: list } = await ask(`${url}/v1/models`)
  const model = {
    type: 'model',
    display_name: 'fake-model',
    object: 'model',
    id: 'fake-model',
    created: 0,
    owned_by: 'tether',
  }
  expect(list).toMatchObject({ object: 'list', data: [model], has_more: false, first_id: 'fake-model' })
  for (const path of ['/v1/models/other', '/v1/models/org/other', '/v1/embeddings']) {
    const { status, json } = await ask(url + path)
    expect(status).toBe(404)
    expect(json).toMatchObject({
      type: 'error',
      request_id: expect.stringMatching(/^req_/),
      error: {
        type: 'not_found_error',
        message: expect.any(String),
        param: null,
        code: path === '/v1/embeddings' ? 'not_found' : 'model_not_found',
      },
    })
  }
})

test('a model whose name has slashes is found by it, encoded or not', async () => {
  const { url } = await serveFake(speaks('x'))
  for (const path of ['/v1/models/fake-model', '/v1/models/fake%2Dmodel']) {
    expect((await ask(url + path)).json).toMatchObject({ id: 'fake-model' })
  }
})
