/** A prompt that is too long, as clients of every kind see it. */
import { describe, expect, it } from 'vitest'
import type { ServeOptions } from '../../src/server/serve.js'
import { speaks } from '../support/fake-engine.js'
import { ask, serveFake } from '../support/fake-server.js'
import { until } from '../support/until.js'

const CLAUDE = { 'user-agent': 'claude-cli/2.1.330 (external, cli)' }

const long = (more: object = {}) => ({
  model: 'some-model',
  max_tokens: 100,
  system: 'Be brief.',
  messages: Array.from({ length: 21 }, (_, i) => ({ role: i % 2 ? 'assistant' : 'user', content: `message ${i}` })),
  ...more,
})

async function start(options: ServeOptions = {}, window = 200) {
  const engine = speaks('Hi', { control: '<end>' })
  engine.info.window = window
  return { engine, ...(await serveFake(engine, options)) }
}

const tooLong = {
  status: 400,
  json: {
    type: 'error',
    error: {
      type: 'invalid_request_error',
      message: expect.stringMatching(/^prompt is too long: \d+ tokens > 199 maximum$/),
    },
  },
}

describe.each([false, true])('a prompt that is too long, with stream %s,', (stream) => {
  it.each([CLAUDE, { 'user-agent': 'claude-code/2.1.330' }])(
    'gives Claude Code the error that makes it compact: %j',
    async (headers) => {
      const { url, engine, lines } = await start()
      const answer = await ask(`${url}/v1/messages`, { body: long({ stream }), headers })
      expect(answer).toMatchObject(tooLong)
      expect(answer.headers['tether-dropped-messages']).toBeUndefined()
      expect(engine.requests).toEqual([])
      expect(lines[0]?.dropped).toBeUndefined()
    },
  )

  it('gives other clients an answer, and a header and the log line say what was dropped', async () => {
    const { url, engine, lines } = await start()
    const body = long({ stream })
    const answer = await ask(`${url}/v1/messages`, { body })
    expect(answer.status).toBe(200)
    expect(answer.text).toContain('Hi')
    expect(engine.prompts[0]).toMatch(/^<turn>system Be brief\.<end><turn>user message 1\d<end>/)
    const messages = Number(answer.headers['tether-dropped-messages'])
    const tokens = Number(answer.headers['tether-dropped-tokens'])
    const counted = await ask(`${url}/v1/messages/count_tokens`, { body })
    expect(counted.json.input_tokens).toBe(tokens + (engine.requests[0]?.prompt.length as number))
    expect(messages).toBeGreaterThan(5)
    await until(() => lines.length === 2)
    expect(lines[0]).toMatchObject({ dropped: { messages, tokens }, inputTokens: engine.requests[0]?.prompt.length })
  })

  it('gives no header and no log entry when it fits after all', async () => {
    const { url, lines } = await start({}, 5000)
    const answer = await ask(`${url}/v1/messages`, { body: long({ stream }) })
    expect(answer.headers['tether-dropped-messages']).toBeUndefined()
    expect(lines[0]?.dropped).toBeUndefined()
  })

  it('is an error for every client when its last turn does not fit', async () => {
    const { url } = await start()
    const messages = [{ role: 'user', content: 'x'.repeat(500) }]
    expect(await ask(`${url}/v1/messages`, { body: long({ stream, messages }) })).toMatchObject(tooLong)
  })
})

describe('onOverflow', () => {
  it('error applies to every client', async () => {
    const { url } = await start({ onOverflow: 'error' })
    expect(await ask(`${url}/v1/messages`, { body: long() })).toMatchObject(tooLong)
  })

  it('truncate applies to every client', async () => {
    const { url } = await start({ onOverflow: 'truncate' })
    const { status, headers } = await ask(`${url}/v1/messages`, { body: long(), headers: CLAUDE })
    expect(status).toBe(200)
    expect(Number(headers['tether-dropped-messages'])).toBeGreaterThan(5)
  })

  it('any other value is rejected by name', async () => {
    await expect(start({ onOverflow: 'maybe' as 'auto' })).rejects.toMatchObject({
      code: 'bad_config',
      message: 'onOverflow must be auto, truncate or error, not maybe',
    })
  })
})

it('an answer has at most the tokens that the window leaves', async () => {
  const { url, engine } = await start({}, 20)
  await ask(`${url}/v1/messages`, { body: long({ system: '', messages: [{ role: 'user', content: '' }] }) })
  const { prompt, maxTokens } = engine.requests[0] as { prompt: Int32Array; maxTokens: number }
  expect(prompt.length + maxTokens).toBe(20)
})
