/** Several models in one server: which answers, when each is loaded, and what makes room for it. */
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { describe, expect, it, onTestFinished } from 'vitest'
import { TetherError } from '../../src/errors.js'
import { type LogLine, type ServeOptions, type Server, serve } from '../../src/server/serve.js'
import { speaks } from '../support/fake-engine.js'
import { type FakeModels, fakeModels } from '../support/fake-models.js'
import { ask, hello } from '../support/fake-server.js'
import { gate } from '../support/gate.js'
import { openRaw, post } from '../support/raw-http.js'
import { until } from '../support/until.js'

const END = { control: '<end>' }

async function start(models: FakeModels, options: ServeOptions, adapters: string[] = []) {
  const lines: LogLine[] = []
  const server = await serve(models.open('a', adapters), { port: 0, onLog: (line) => lines.push(line), ...options })
  onTestFinished(() => server.close())
  const send = async (model: string, more: object = {}) => {
    const reply = await ask(`${server.url}/v1/messages`, { body: hello({ model, ...more }) })
    return { ...reply, said: reply.json?.content?.[0]?.text as string | undefined }
  }
  const get = async (path: string) => (await ask(server.url + path)).json
  return { server, lines, send, get }
}

/** A request whose answer is read while it comes. */
function streaming({ port }: Server, path: string, body: string) {
  return openRaw(port, `${post(path, `Content-Length: ${Buffer.byteLength(body)}`)}${body}`)
}

const isLoading = (server: Server, name: string) =>
  server.models().some((one) => one.name === name && one.state === 'loading')

describe('a server of several models', () => {
  it('answers with the one that is named, and loads it first', async () => {
    const models = fakeModels(3)
    const { send, lines } = await start(models, { models: [models.served('b'), models.served('org/c')] })
    expect((await send('claude-opus-5-5')).said).toBe('I am a')
    expect(models.events).toEqual(['load a'])
    expect((await send('b')).said).toBe('I am b')
    expect((await send('org/c')).said).toBe('I am org/c')
    expect((await send('a')).said).toBe('I am a')
    expect((await send('nobody')).said).toBe('I am a')
    expect(models.events).toEqual(['load a', 'load b', 'load org/c'])
    await until(() => lines.length === 5)
    expect(lines.map(({ answeredBy }) => answeredBy)).toEqual(['a', 'b', 'org/c', 'a', 'a'])
  })

  it('has a model for Claude Code’s background requests', async () => {
    const models = fakeModels(3)
    const { send } = await start(models, { models: [models.served('b')], smallModel: 'b' })
    expect((await send('claude-haiku-5-5')).said).toBe('I am b')
    expect((await send('claude-sonnet-5-5')).said).toBe('I am a')
  })

  it('counts a request from its first byte until it is answered, also while its model is loaded', async () => {
    const models = fakeModels(2)
    const { open, passed: reading } = gate()
    const { server, send } = await start(models, { models: [models.served('b', { reading })] })
    expect(server.requests()).toBe(0)
    const sent = send('b')
    await until(() => server.requests() === 1)
    expect(server.models().map(({ live, queued }) => live + queued)).toEqual([0, 0])
    open()
    expect((await sent).said).toBe('I am b')
    await until(() => server.requests() === 0)
  })

  it('lists them, loaded or not', async () => {
    const models = fakeModels(2)
    const { send, get, server } = await start(models, { models: [models.served('a'), models.served('org/b')] })
    const list = async () => (await get('/v1/models')).data.map(({ id, loaded }: never) => [id, loaded])
    expect(await list()).toEqual([
      ['a', true],
      ['org/b', false],
    ])
    expect(await get('/v1/models/org/b')).toMatchObject({ id: 'org/b', loaded: false })
    await send('org/b')
    expect(await get('/v1/models/org%2Fb')).toMatchObject({ id: 'org/b', loaded: true, max_input_tokens: 100_000 })
    expect((await ask(`${server.url}/v1/models/c`)).json.error.message).toContain('There are a, org/b.')
  })

  it('lists the part of them that is asked for', async () => {
    const models = fakeModels(4)
    const { server } = await start(models, { models: ['b', 'org/c', 'd'].map((name) => models.served(name)) })
    const list = async (query: string) => {
      const { status, json } = await ask(`${server.url}/v1/models?${query}`)
      if (status !== 200) return [status, json.error.param]
      const ids = json.data.map(({ id }: { id: string }) => id)
      expect([json.first_id, json.last_id]).toEqual([ids[0] ?? null, ids.at(-1) ?? null])
      return [ids.join(' '), json.has_more]
    }
    expect(await list('beta=true&limit=')).toEqual([400, 'limit'])
    expect(await list('limit=1000')).toEqual(['a b org/c d', false])
    expect(await list('limit=2')).toEqual(['a b', true])
    expect(await list('limit=2&after_id=b')).toEqual(['org/c d', false])
    expect(await list('after_id=d')).toEqual(['', false])
    expect(await list('before_id=d&limit=2')).toEqual(['b org/c', true])
    expect(await list('before_id=org%2Fc&limit=2')).toEqual(['a b', false])
    expect(await list('limit=0')).toEqual([400, 'limit'])
    expect(await list('after_id=nobody')).toEqual([400, 'after_id'])
    const anthropic = new Anthropic({ baseURL: server.url, apiKey: 'x', maxRetries: 0 })
    const ids: string[] = []
    for await (const { id } of anthropic.models.list({ limit: 1 })) ids.push(id)
    expect(ids).toEqual(['a', 'b', 'org/c', 'd'])
  })

  it('loads one for its caller as a request would, and says what it is', async () => {
    const models = fakeModels(1)
    const broken = models.served('c', { fails: new TetherError('bad_weights', 'damaged') })
    const { server } = await start(models, { models: [models.served('a'), models.served('b'), broken] })
    expect((await server.load('b')).name).toBe('b')
    expect(models.events).toEqual(['load a', 'close a', 'load b'])
    await expect(server.load('c')).rejects.toThrow('the model c cannot be loaded: damaged')
    expect((await server.load('nobody')).name).toBe('a')
    await expect(server.load('b', AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' })
  })

  it('knows the first one by the names of its adapters, too', async () => {
    const models = fakeModels(2)
    const { send, get, lines } = await start(models, { models: [models.served('a'), models.served('b')] }, ['x'])
    expect((await get('/v1/models')).data.map(({ id }: never) => id)).toEqual(['a', 'a:x', 'b'])
    for (const name of ['claude-opus-5-5', 'a', 'a:x']) expect((await send(name)).said).toBe('I am a')
    expect(models.events).toEqual(['load a'])
    await until(() => lines.length === 4)
    expect(lines.slice(1).map(({ answeredBy }) => answeredBy)).toEqual(['a', 'a', 'a'])
  })

  it('means a model by its own name, whatever adapters others have', async () => {
    const models = fakeModels(2)
    const served = { models: [models.served('a'), models.served('a:x')] }
    const { send, get } = await start(models, served, ['x', 'y'])
    expect((await get('/v1/models')).data.map(({ id }: never) => id)).toEqual(['a', 'a:y', 'a:x'])
    expect((await send('a:x')).said).toBe('I am a:x')
    expect((await send('a:y')).said).toBe('I am a')
  })

  it('answers clients of both protocols, and counts with the model that is named', async () => {
    const models = fakeModels(2)
    const { server } = await start(models, { models: [models.served('b')] })
    const anthropic = new Anthropic({ baseURL: server.url, apiKey: 'any', maxRetries: 0 })
    const openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'any', maxRetries: 0 })
    const messages = [{ role: 'user' as const, content: 'hi' }]
    expect((await anthropic.messages.countTokens({ model: 'b', messages })).input_tokens).toBeGreaterThan(0)
    expect(models.events).toEqual(['load a', 'load b'])
    const chat = await openai.chat.completions.create({ model: 'b', messages })
    expect(chat.choices[0]?.message.content).toBe('I am b')
    const stream = anthropic.messages.stream({ max_tokens: 50, messages, model: 'b' })
    expect(await stream.finalText()).toBe('I am b')
    const names = []
    for await (const { id } of anthropic.models.list()) names.push(id)
    expect(names).toEqual(['a', 'b'])
  })
})

const routes = [
  ['/v1/messages', '"max_tokens":5,"messages":[{"role":"user","content":"hi"}]'],
  ['/v1/messages/count_tokens', '"messages":[{"role":"user","content":"hi"}]'],
  ['/v1/chat/completions', '"messages":[{"role":"user","content":"hi"}]'],
  ['/v1/responses', '"input":"hi"'],
  ['/v1/completions', '"prompt":"hi"'],
]

describe.each([
  ['one model', []],
  ['several models', ['b']],
])('an adapter that a model without any has not is refused by a server of %s', (_, others) => {
  it.each(routes)('%s', async (path, rest) => {
    const models = fakeModels(3)
    const { server } = await start(models, { models: others.map((name) => models.served(name)) })
    for (const name of ['a', ...others]) {
      const { status, json } = await ask(server.url + path, { body: `{"model":"${name}:typo",${rest}}` })
      expect(status).toBe(404)
      expect(json.error.message).toContain(`${name} has no adapter typo. The names of this model are ${name}.`)
      expect((await ask(server.url + path, { body: `{"model":"${name}",${rest}}` })).status).toBe(200)
    }
  })
})

it.each(routes)(
  'an adapter that a model is known not to have is refused without loading that model: %s',
  async (path, rest) => {
    const models = fakeModels(1)
    const served = [models.served('a'), models.served('org/b', { adapters: ['x', 'y'] })]
    const { server, get } = await start(models, { models: served })
    const { data } = await get('/v1/models')
    expect(data.map(({ id, loaded }: never) => [id, loaded])).toEqual([
      ['a', true],
      ...['org/b', 'org/b:x', 'org/b:y'].map((name) => [name, false]),
    ])
    for (const name of ['org/b:typo', 'b:typo']) {
      const { status, json } = await ask(server.url + path, { body: `{"model":"${name}",${rest}}` })
      expect(status).toBe(404)
      expect(json.error.message).toContain(
        'org/b has no adapter typo. The names of this model are org/b, org/b:x, org/b:y.',
      )
    }
    expect(models.events).toEqual(['load a'])
    expect((await ask(server.url + path, { body: `{"model":"b:y",${rest}}` })).status).toBe(200)
    expect(models.events).toEqual(['load a', 'close a', 'load org/b'])
  },
)

it.each(routes)(
  'of two models that a request names the last one answers, as its answer says: %s',
  async (path, rest) => {
    const models = fakeModels(3)
    const { server } = await start(models, { models: [models.served('b'), models.served('c')] })
    const { status, json } = await ask(server.url + path, { body: `{"model":"b",${rest},"model":"c"}`, method: 'POST' })
    expect(status).toBe(200)
    expect(models.events).toEqual(['load a', 'load c'])
    expect(json.model ?? 'c').toBe('c')
  },
)

describe('memory for one model', () => {
  it('goes to the model that is asked for, and back', async () => {
    const models = fakeModels(1)
    const { send, get } = await start(models, { models: [models.served('a'), models.served('b')] })
    expect((await send('b')).said).toBe('I am b')
    expect(models.events).toEqual(['load a', 'close a', 'load b'])
    expect(await get('/health')).toMatchObject({ status: 'ok', model: 'a', live: 0 })
    expect(await get('/status')).toMatchObject({
      model: 'a',
      models: [
        { name: 'a', state: 'unloaded' },
        { name: 'b', state: 'ready' },
      ],
    })
    expect((await send('claude-opus-5-5')).said).toBe('I am a')
    expect(models.events).toEqual(['load a', 'close a', 'load b', 'close b', 'load a'])
  })

  it('is taken from the model that was not used for longest', async () => {
    const models = fakeModels(2)
    const all = ['a', 'b', 'c'].map((name) => models.served(name))
    const { send } = await start(models, { models: all })
    await send('b')
    await send('a')
    await send('c')
    expect(models.events.slice(2)).toEqual(['close b', 'load c'])
  })

  it('is never taken from one that answers: the request waits, and those behind it', async () => {
    const models = fakeModels(1)
    const speaking = gate()
    const engine = speaks('first', { wait: speaking.passed }, 'last', END)
    const served = [models.served('a'), models.served('b', { engine: () => engine })]
    const { server, send, get } = await start(models, { models: served })
    const long = send('b')
    await until(() => engine.requests.length === 1)
    const other = send('a')
    await until(() => isLoading(server, 'a'))
    expect((await get('/status')).models[0]).toMatchObject({ name: 'a', state: 'loading' })
    // Else b would never be free.
    const again = send('b')
    await until(() => server.requests() === 3)
    speaking.open()
    expect((await long).said).toBe('firstlast')
    expect([(await other).said, (await again).said]).toEqual(['I am a', 'firstlast'])
    expect(models.events).toEqual(['load a', 'close a', 'load b', 'close b', 'load a', 'close a', 'load b'])
  })

  it('is not waited for by a client that has left', async () => {
    const models = fakeModels(1)
    const served = [models.served('a'), models.served('b', { engine: () => speaks('x', 'hang') })]
    const { server, send, get } = await start(models, { models: served })
    const leaves = new AbortController()
    const post = (model: string, signal: AbortSignal) =>
      fetch(`${server.url}/v1/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(hello({ model })),
        signal,
      }).catch(() => {})
    const hangs = post('b', leaves.signal)
    await until(() => models.engines.has('b'))
    const impatient = new AbortController()
    const waits = post('a', impatient.signal)
    await until(() => isLoading(server, 'a'))
    impatient.abort()
    await waits
    await until(() => !isLoading(server, 'a'))
    expect(models.events).toEqual(['load a', 'close a', 'load b'])
    expect((await get('/status')).models[0]).toMatchObject({ name: 'a', state: 'unloaded' })
    expect((await get('/v1/models')).data[0]).toMatchObject({ id: 'a', max_input_tokens: 100_000, loaded: false })
    leaves.abort()
    await hangs
    expect((await send('a')).said).toBe('I am a')
  })

  it('is taken from an idle model for a request that lacks it', async () => {
    const models = fakeModels(3)
    const served = ['a', 'b', 'c'].map((name) => models.served(name))
    const { send } = await start(models, { models: served })
    await send('b')
    await send('c')
    const engine = models.engines.get('a')
    if (!engine) throw new Error('a is not loaded')
    // Until it has room: the server looks again and again.
    Object.defineProperty(engine, 'lacking', { get: () => (models.events.includes('close b') ? 0 : 50) })
    await until(() => models.events.includes('close b'))
    await new Promise((resolve) => setTimeout(resolve, 120))
    expect(models.engines.has('c')).toBe(true)
    expect((await send('b')).said).toBe('I am b')
  })

  it('of a first model that the server did not load is left to it', async () => {
    const models = fakeModels(1)
    const { send } = await start(models, { models: [models.served('b')] })
    const { status, json } = await send('b')
    expect(status).toBe(500)
    expect(json.error.message).toBe('the model b cannot be loaded: others have the memory')
    expect((await send('a')).said).toBe('I am a')
  })
})

describe('a model that', () => {
  it('cannot be loaded fails its requests, and no others', async () => {
    const models = fakeModels(3)
    const broken = models.served('b', { fails: new TetherError('not_enough_memory', 'the weights need 90 GB') })
    const { send, get } = await start(models, { models: [models.served('a'), broken, models.served('c')] })
    const { status, json } = await send('b')
    expect(status).toBe(500)
    expect(json.error.message).toBe('the model b cannot be loaded: the weights need 90 GB')
    expect((await get('/status')).models[1]).toMatchObject({ state: 'failed', message: 'the weights need 90 GB' })
    // Nothing was unloaded for what can never fit.
    expect(models.events).toEqual(['load a'])
    expect((await send('c')).said).toBe('I am c')
    expect((await send('b')).status).toBe(500)
  })

  it('is being loaded lets others answer, and pings its streams', async () => {
    const models = fakeModels(3)
    const reading = gate()
    const { server, send, get } = await start(models, {
      models: [models.served('b', { reading: reading.passed })],
      pingMs: 20,
    })
    const waits = await streaming(server, '/v1/messages', JSON.stringify(hello({ model: 'b', stream: true })))
    await waits.until(/event: ping/)
    expect((await send('a')).said).toBe('I am a')
    expect((await get('/activity')).requests).toMatchObject([{ state: 'loading' }])
    expect((await get('/activity')).models[1]).toMatchObject({ name: 'b', state: 'loading', progress: 0.5 })
    reading.open()
    expect(await waits.until(/event: message_stop/)).toMatch(
      /^HTTP\/1\.1 200 .*\r\n(?:\S.*\r\n)*\r\n\w+\r\nevent: ping\n[\s\S]*event: message_start[\s\S]*I am b[\s\S]*event: message_stop/,
    )
  })

  it('fails while its streams get pings ends them with the error', async () => {
    const models = fakeModels(3)
    const reading = gate()
    const broken = models.served('b', { reading: reading.passed, fails: new TetherError('bad_weights', 'damaged') })
    const { server, lines } = await start(models, { models: [broken], pingMs: 10 })
    const waits = await streaming(server, '/v1/messages', JSON.stringify(hello({ model: 'b', stream: true })))
    await waits.until(/event: ping/)
    reading.open()
    expect(await waits.until(/damaged/)).toMatch(
      /event: ping[\s\S]*event: error\ndata: .*the model b cannot be loaded: damaged/,
    )
    await until(() => lines.length === 1)
    expect(lines[0]?.error).toBe('the model b cannot be loaded: damaged')
  })

  it('is asked for by many at once is loaded once', async () => {
    const models = fakeModels(3)
    const { send } = await start(models, { models: [models.served('b')] })
    const answers = await Promise.all(Array.from({ length: 8 }, () => send('b')))
    expect(answers.map(({ said }) => said)).toEqual(Array.from({ length: 8 }, () => 'I am b'))
    expect(models.events).toEqual(['load a', 'load b'])
  })
})

describe('a server that closes while a model is loaded', () => {
  async function loading(pingMs: number) {
    const models = fakeModels(3)
    const reading = gate()
    onTestFinished(reading.open)
    return start(models, { models: [models.served('b', { reading: reading.passed })], pingMs })
  }

  it.each(routes)('answers who waits for it with an error: %s', async (path, rest) => {
    const { server, lines } = await loading(10_000)
    const waits = ask(server.url + path, { body: `{"model":"b",${rest}}` })
    await until(() => isLoading(server, 'b'))
    await server.close()
    const { status, headers, json } = await waits
    expect([status, headers.connection, lines.length]).toEqual([503, 'close', 1])
    const known = path.startsWith('/v1/messages') ? { type: 'api_error' } : { type: 'server_error', code: 'closed' }
    expect(json.error).toMatchObject({ ...known, message: 'the server is closing' })
  })

  // A client of Anthropic's begins a stream again that breaks off.
  it.each(routes.slice(2))('ends a stream of pings with an error: %s', async (path, rest) => {
    const { server, lines } = await loading(10)
    const waits = await streaming(server, path, `{"model":"b",${rest},"stream":true}`)
    // Of its body: a ping is an event, or a comment.
    await waits.until(/\r\n\r\n\w+\r\n/)
    await server.close()
    const text = await waits.until(/(?!)/)
    expect([text.slice(0, 12), lines.length]).toEqual(['HTTP/1.1 200', 1])
    expect(text).toMatch(/"message":"the server is closing"/)
  })
})

it('a server that closes closes what it has loaded, also while it loads', async () => {
  const models = fakeModels(3)
  const reading = gate()
  const { server, send } = await start(models, {
    models: [models.served('b'), models.served('c', { reading: reading.passed })],
  })
  await send('b')
  const waits = send('c').catch(() => {})
  await until(() => isLoading(server, 'c'))
  await server.close()
  await waits
  expect([...models.engines.keys()]).toEqual(['a'])
  reading.open()
  await until(() => models.events.includes('close c'))
})

it('names that cannot be told apart are refused', async () => {
  const models = fakeModels(3)
  const twice = { models: [models.served('b'), models.served('b')] }
  await expect(serve(models.open('a'), { port: 0, ...twice })).rejects.toMatchObject({ code: 'bad_config' })
  const unknown = { models: [models.served('b')], smallModel: 'c' }
  await expect(serve(models.open('d'), { port: 0, ...unknown })).rejects.toMatchObject({ code: 'bad_config' })
})

it('metrics have each model under its name', async () => {
  const models = fakeModels(3)
  const { server, send } = await start(models, { models: [models.served('b')] })
  await send('b')
  const { text } = await ask(`${server.url}/metrics`)
  expect(text).toContain('tether_ready{model="a"} 1\ntether_ready{model="b"} 1')
  expect(text).toContain('tether_memory_bytes{model="b",kind="weights"} 0')
  expect(text.match(/# TYPE tether_ready /g)).toHaveLength(1)
})
