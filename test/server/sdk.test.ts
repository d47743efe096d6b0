/** The protocol as Anthropic's own client sees it. */
import Anthropic from '@anthropic-ai/sdk'
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema'
import { jsonSchemaOutputFormat } from '@anthropic-ai/sdk/helpers/json-schema'
import { describe, expect, it } from 'vitest'
import type { ServeOptions } from '../../src/server/serve.js'
import { type FakeEngine, type Step, speaks } from '../support/fake-engine.js'
import { serveFake } from '../support/fake-server.js'
import { until } from '../support/until.js'

const END = { control: '<end>' }
const THINK: Step[] = [{ control: '<think>' }, 'let me ', 'see', { control: '</think>' }, '\n\n']
const call = (name: string, input: object): Step[] => [
  { control: '<call>' },
  JSON.stringify({ name, input }),
  { control: '</call>' },
]
const ASK = { model: 'claude-anything', max_tokens: 20_000, messages: [{ role: 'user' as const, content: 'hi' }] }
const TOOLS = [{ name: 'Read', input_schema: { type: 'object' as const } }]

async function client(engine: FakeEngine, options?: ServeOptions) {
  const server = await serveFake(engine, options)
  return new Anthropic({ baseURL: server.url, apiKey: options?.apiKey ?? 'any', maxRetries: 0 })
}

describe('the official SDK’s messages', () => {
  it('get a whole answer', async () => {
    const anthropic = await client(speaks('Hello', ' there', END))
    const message = await anthropic.messages.create(ASK)
    expect(message).toMatchObject({
      type: 'message',
      role: 'assistant',
      model: 'claude-anything',
      content: [{ type: 'text', text: 'Hello there' }],
      stop_reason: 'end_turn',
      stop_sequence: null,
    })
    expect(message.usage.input_tokens).toBeGreaterThan(0)
    expect(message._request_id).toMatch(/^req_/)
  })

  it('stream text, thinking and calls to the same message', async () => {
    const input = { path: 'a/b.ts', limit: 5, text: 'é漢🍍"\n'.repeat(1000) }
    const script = [...THINK, 'Looking', '.', ...call('Read', input), ...call('Read', {}), END]
    const anthropic = await client(speaks(...script))
    const stream = anthropic.messages.stream({ ...ASK, tools: TOOLS })
    const heard: string[] = []
    stream.on('text', (text) => heard.push(text))
    const streamed = await stream.finalMessage()
    const whole = await anthropic.messages.create({ ...ASK, tools: TOOLS })
    expect(heard).toEqual(['\n\nLooking', '.'])
    expect(streamed.content).toMatchObject([
      { type: 'thinking', thinking: 'let me see', signature: expect.stringMatching(/.+/) },
      { type: 'text', text: '\n\nLooking.' },
      { type: 'tool_use', name: 'Read', input },
      { type: 'tool_use', name: 'Read', input: {} },
    ])
    expect(streamed.stop_reason).toBe('tool_use')
    expect(streamed.usage).toMatchObject(whole.usage)
    const shape = (message: Anthropic.Message) => message.content.map((b) => ({ ...b, id: '', signature: '' }))
    expect(shape(streamed)).toEqual(shape(whole))
  })

  it('go through a tool loop', async () => {
    const engine = speaks([...call('Read', { path: 'a' }), END], ['It says x.', END])
    const anthropic = await client(engine)
    const messages: Anthropic.MessageParam[] = [{ role: 'user', content: 'read a' }]
    const first = await anthropic.messages.stream({ ...ASK, messages, tools: TOOLS }).finalMessage()
    const use = first.content.find((block) => block.type === 'tool_use')
    messages.push({ role: 'assistant', content: first.content })
    messages.push({ role: 'user', content: [{ type: 'tool_result', tool_use_id: use?.id ?? '', content: 'x' }] })
    const second = await anthropic.messages.stream({ ...ASK, messages, tools: TOOLS }).finalMessage()
    expect(second.content).toMatchObject([{ type: 'text', text: 'It says x.' }])
    expect(engine.prompts[1]).toContain('<call>{"name":"Read","input":{"path":"a"}}</call><end><turn>user [result x]')
  })

  it('stop at stop sequences and at max_tokens', async () => {
    const anthropic = await client(speaks('abc', 'def', 'ghi', END))
    expect(await anthropic.messages.create({ ...ASK, stop_sequences: ['cd'] })).toMatchObject({
      content: [{ text: 'ab' }],
      stop_reason: 'stop_sequence',
      stop_sequence: 'cd',
    })
    expect(await anthropic.messages.stream({ ...ASK, max_tokens: 4 }).finalMessage()).toMatchObject({
      content: [{ text: 'abcd' }],
      stop_reason: 'max_tokens',
      usage: { output_tokens: 4 },
    })
  })

  it('run tools by themselves, with all that was said in each request', async () => {
    const engine = speaks([...call('Read', { path: 'a' }), ...call('Read', { path: 'b' }), END], ['Both say x.', END])
    const server = await serveFake(engine)
    const anthropic = new Anthropic({ baseURL: server.url, apiKey: 'any', maxRetries: 0 })
    const ran: unknown[] = []
    const inputSchema = { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] } as const
    const run = (input: unknown) => {
      ran.push(input)
      return 'x'
    }
    const read = betaTool({ name: 'Read', description: 'Reads', inputSchema, run })
    const last = await anthropic.beta.messages.toolRunner({ ...ASK, tools: [read] }).runUntilDone()
    expect(ran).toEqual([{ path: 'a' }, { path: 'b' }])
    expect(last.content).toMatchObject([{ type: 'text', text: 'Both say x.' }])
    expect(engine.prompts[1]).toMatch(/^tool Read\n<turn>user hi<end>.*\[result x\]\[result x\]/)
    // Each request is sent once: none is refused.
    expect(server.lines.map(({ status }) => status)).toEqual([200, 200])
  })

  it('continue a conversation that the server holds, whole and streamed', async () => {
    const engine = speaks([...THINK, 'One.', END], ['Two.', END], ['Three.', END])
    const anthropic = await client(engine)
    const thread = anthropic.beta.messages.thread({ ...ASK, system: 'be brief', tools: TOOLS })
    await thread.send()
    await thread.stream({ role: 'user', content: 'second' }).finalMessage()
    const third = await thread.send({ role: 'user', content: 'third' })
    expect(third.content).toMatchObject([{ text: 'Three.' }])
    const whole = 'tool Read\n<turn>system be brief<end><turn>user hi<end><turn>assistant '
    expect(engine.prompts[2]).toContain(whole)
    expect(engine.prompts[2]).toContain('Two.<end><turn>user third<end>')
  })

  it('are parsed by the schema that was asked for', async () => {
    const engine = speaks('{"name":"Ada"}', END)
    const anthropic = await client(engine)
    const schema = {
      type: 'object',
      properties: { name: { type: 'string' } },
      required: ['name'],
      additionalProperties: false,
    } as const
    const output_config = { format: jsonSchemaOutputFormat(schema) }
    const { parsed_output } = await anthropic.messages.parse({ ...ASK, output_config })
    expect(parsed_output).toEqual({ name: 'Ada' })
    expect(engine.prompts[0]).toContain('"name"')
  })

  it('show their headers', async () => {
    const anthropic = await client(speaks('x', END))
    const { response, request_id } = await anthropic.messages.create(ASK).withResponse()
    expect(response.headers.get('request-id')).toBe(request_id)
    const raw = await anthropic.messages.create({ ...ASK, stream: true }).asResponse()
    expect(raw.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  })

  it('end the generation when the client leaves', async () => {
    const engine = speaks('Hi', 'hang')
    const anthropic = await client(engine)
    const stream = anthropic.messages.stream(ASK)
    stream.on('text', () => stream.abort())
    await expect(stream.finalMessage()).rejects.toBeInstanceOf(Anthropic.APIUserAbortError)
    await until(() => engine.ended === 1)
    expect(engine.cancelled).toHaveLength(1)
  })

  it('get each its own answer when eight run at once', async () => {
    const words = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight']
    const anthropic = await client(speaks(...words.map((word): Step[] => [word, { wait: 5 }, '!', END])))
    const answers = await Promise.all(words.map(() => anthropic.messages.stream(ASK).finalText()))
    expect(answers.sort()).toEqual(words.map((word) => `${word}!`).sort())
  })

  it('get each its own answer when two run at once', async () => {
    const anthropic = await client(speaks(['one', { wait: 20 }, '!', END], ['two', END]))
    const answers = await Promise.all([anthropic.messages.create(ASK), anthropic.messages.stream(ASK).finalMessage()])
    expect(answers.map(({ content }) => (content[0] as { text: string }).text).sort()).toEqual(['one!', 'two'])
  })
})

describe('the official SDK’s errors', () => {
  it('say that conversations are not compacted, which would be an answer of another kind', async () => {
    const anthropic = await client(speaks('x'))
    const compaction = { type: 'summarize' } as const
    const error = await anthropic.beta.messages.create({ ...ASK, compaction }).catch((e) => e)
    expect(error.error.error.message).toMatch(/^compaction: conversations are not compacted here/)
  })

  it('say that a conversation is not held, so that the client sends all of it', async () => {
    const anthropic = await client(speaks('x'))
    const thread = { type: 'continue', previous_message_id: 'msg_1' } as const
    const error = await anthropic.beta.messages.create({ ...ASK, thread }).catch((e) => e)
    expect(error).toBeInstanceOf(Anthropic.NotFoundError)
    expect(error.error.error).toMatchObject({
      message: expect.stringMatching(/^thread: no conversation with the answer "msg_1" is held/),
      details: { error_code: 'thread_not_found' },
    })
  })

  it('name the field', async () => {
    const anthropic = await client(speaks('x'))
    for (const stream of [false, true]) {
      const error = await anthropic.messages.create({ ...ASK, stream, max_tokens: 0 }).catch((e) => e)
      expect(error).toBeInstanceOf(Anthropic.BadRequestError)
      expect(error.error.error).toMatchObject({
        type: 'invalid_request_error',
        message: expect.stringMatching(/^max_tokens: /),
      })
      expect(error.requestID).toBe(error.error.request_id)
    }
  })

  it('give a prompt that is too long a status, also for a stream', async () => {
    const engine = speaks('x')
    engine.info.window = 10
    const anthropic = await client(engine)
    const error = await anthropic.messages
      .stream(ASK)
      .finalMessage()
      .catch((e) => e)
    expect(error).toBeInstanceOf(Anthropic.BadRequestError)
    expect(error.message).toMatch(/prompt is too long: \d+ tokens > 9 maximum/)
  })

  it('ask for the key', async () => {
    const server = await serveFake(speaks('x'), { apiKey: 'right' })
    const wrong = new Anthropic({ baseURL: server.url, apiKey: 'wrong', maxRetries: 0 })
    await expect(wrong.messages.create(ASK)).rejects.toBeInstanceOf(Anthropic.AuthenticationError)
    const right = new Anthropic({ baseURL: server.url, apiKey: null, authToken: 'right', maxRetries: 0 })
    expect((await right.messages.create(ASK)).stop_reason).toBe('end_turn')
  })
})

it('the official SDK counts the tokens that an answer’s usage reports', async () => {
  const anthropic = await client(speaks('x'))
  const { model, messages } = ASK
  const counted = await anthropic.messages.countTokens({ model, messages, tools: TOOLS, system: 'be brief' })
  const { usage } = await anthropic.messages.create({ ...ASK, tools: TOOLS, system: 'be brief' })
  expect(counted).toEqual({ input_tokens: usage.input_tokens })
})

it('the official SDK lists the model', async () => {
  const anthropic = await client(speaks('x'))
  const listed: string[] = []
  for await (const model of anthropic.models.list()) listed.push(model.id)
  expect(listed).toEqual(['fake-model'])
  expect(await anthropic.models.retrieve('fake-model')).toMatchObject({ type: 'model', max_input_tokens: 100_000 })
  await expect(anthropic.models.retrieve('other')).rejects.toBeInstanceOf(Anthropic.NotFoundError)
})
