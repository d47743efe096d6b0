/** The protocol as OpenAI's own client sees it. */
import OpenAI from 'openai'
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
const INPUT = { path: 'a/b.ts', limit: 5, text: 'é漢🍍"\n'.repeat(1000) }
const ASK = { model: 'gpt-anything', messages: [{ role: 'user' as const, content: 'hi' }] }
const READ = { type: 'function' as const, function: { name: 'Read', parameters: { type: 'object' } } }
const READ_ITEM = { type: 'function' as const, name: 'Read', parameters: { type: 'object' }, strict: false }

async function client(engine: FakeEngine, options?: ServeOptions) {
  const server = await serveFake(engine, options)
  return new OpenAI({ baseURL: `${server.url}/v1`, apiKey: options?.apiKey ?? 'any', maxRetries: 0 })
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = []
  for await (const item of items) seen.push(item)
  return seen
}

describe('the official SDK’s chat completions', () => {
  it('get a whole answer', async () => {
    const engine = speaks('Hello', ' there', END)
    engine.cachedTokens = 7
    const openai = await client(engine)
    const answer = await openai.chat.completions.create(ASK)
    expect(answer).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion',
      model: 'gpt-anything',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hello there' }, finish_reason: 'stop' }],
    })
    const { usage } = answer
    expect(usage?.prompt_tokens_details?.cached_tokens).toBe(7)
    expect(usage?.prompt_tokens).toBe(engine.requests[0]?.prompt.length)
    expect(usage?.total_tokens).toBe((usage?.prompt_tokens ?? 0) + 11)
    expect(answer.created).toBeGreaterThan(1.7e9)
    expect(answer._request_id).toMatch(/^req_/)
  })

  it('stream text, reasoning and parallel calls to the same completion', async () => {
    const script = [...THINK, 'Looking', '.', ...call('Read', INPUT), ...call('Read', {}), END]
    const openai = await client(speaks(...script))
    const ask = { ...ASK, tools: [READ] }
    const stream = openai.chat.completions.stream({ ...ask, stream_options: { include_usage: true } })
    const chunks = await all(stream)
    const streamed = await stream.finalChatCompletion()
    const whole = await openai.chat.completions.create(ask)
    const thoughts = chunks.map(
      ({ choices }) => (choices[0]?.delta as { reasoning_content?: string })?.reasoning_content,
    )
    expect(thoughts.filter(Boolean)).toEqual(['let me ', 'see'])
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: whole.usage })
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true)
    for (const { message, finish_reason } of [streamed.choices[0], whole.choices[0]].map(
      (one) => one as never as OpenAI.ChatCompletion.Choice,
    )) {
      expect(finish_reason).toBe('tool_calls')
      expect(message.content).toBe('\n\nLooking.')
      const calls = message.tool_calls?.map((one) => one.type === 'function' && one.function) ?? []
      expect(calls.map((one) => one && [one.name, JSON.parse(one.arguments)])).toEqual([
        ['Read', INPUT],
        ['Read', {}],
      ])
    }
    expect(whole.choices[0]?.message).toMatchObject({ reasoning_content: 'let me see' })
    expect(whole.usage?.completion_tokens_details?.reasoning_tokens).toBe('let me see'.length)
  })

  it('go through a tool loop', async () => {
    const engine = speaks([...call('Read', { path: 'a' }), ...call('Read', { path: 'b' }), END], ['Both say x.', END])
    const openai = await client(engine)
    const messages: OpenAI.ChatCompletionMessageParam[] = [
      { role: 'developer', content: 'be brief' },
      { role: 'user', content: 'read a and b' },
    ]
    const first = await openai.chat.completions.create({ ...ASK, messages, tools: [READ] })
    const message = first.choices[0]?.message as OpenAI.ChatCompletionMessage
    expect(message.content).toBeNull()
    messages.push(message)
    for (const { id } of message.tool_calls ?? []) messages.push({ role: 'tool', tool_call_id: id, content: 'x' })
    const second = await openai.chat.completions.create({ ...ASK, messages, tools: [READ] })
    expect(second.choices[0]?.message.content).toBe('Both say x.')
    const { prompt } = { prompt: engine.prompts[1] ?? '' }
    expect(prompt).toContain('<turn>system be brief<end><turn>user read a and b<end>')
    // The model's own tokens, as it wrote them.
    expect(prompt).toContain(
      '</call><call>{"name":"Read","input":{"path":"b"}}</call><end><turn>user [result x][result x]',
    )
  })

  it('have one call where parallel calls are not wanted, and one where a tool is required', async () => {
    const engine = speaks(
      [...call('Read', { path: 'a' }), ...call('Read', { path: 'b' }), END],
      ['{"path":"c"}}', { control: '</call>' }, END],
    )
    const openai = await client(engine)
    const ask = { ...ASK, tools: [READ] }
    const one = await openai.chat.completions.create({ ...ask, parallel_tool_calls: false })
    expect(one.choices[0]?.message.tool_calls).toHaveLength(1)
    const forced = await openai.chat.completions.create({
      ...ask,
      tool_choice: { type: 'function', function: { name: 'Read' } },
    })
    expect(forced.choices[0]?.message.tool_calls).toMatchObject([
      { function: { name: 'Read', arguments: '{"path":"c"}' } },
    ])
  })

  it('run tools by themselves, whole and streamed', async () => {
    for (const stream of [false, true] as const) {
      const engine = speaks([...call('Read', { path: 'a' }), ...call('Read', { path: 'b' }), END], ['Both say x.', END])
      const openai = await client(engine)
      const ran: unknown[] = []
      const run = (input: object) => {
        ran.push(input)
        return 'x'
      }
      const read = {
        name: 'Read',
        description: 'Reads',
        parameters: { type: 'object' },
        parse: JSON.parse,
        function: run,
      }
      const tools = [{ type: 'function' as const, function: read }]
      const runner = openai.chat.completions.runTools({ ...ASK, stream, tools } as never) as unknown as {
        finalContent(): Promise<string | null>
      }
      expect(await runner.finalContent()).toBe('Both say x.')
      expect(ran).toEqual([{ path: 'a' }, { path: 'b' }])
      expect(engine.prompts[1]).toContain('[result x][result x]')
    }
  })

  it('get each its own answer when eight run at once', async () => {
    const words = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight']
    const openai = await client(speaks(...words.map((word): Step[] => [word, { wait: 5 }, '!', END])))
    const answers = await Promise.all(words.map(() => openai.chat.completions.stream(ASK).finalContent()))
    expect(answers.sort()).toEqual(words.map((word) => `${word}!`).sort())
  })

  it('stop at a sequence and at a limit', async () => {
    const openai = await client(speaks('abc', 'def', 'ghi', END))
    const stopped = await openai.chat.completions.create({ ...ASK, stop: 'cd' })
    expect(stopped.choices).toMatchObject([{ message: { content: 'ab' }, finish_reason: 'stop' }])
    const cut = await openai.chat.completions.create({ ...ASK, max_completion_tokens: 4, max_tokens: 2 })
    expect(cut.choices).toMatchObject([{ message: { content: 'abcd' }, finish_reason: 'length' }])
  })

  it('tell the model of the schema that the answer has to fit', async () => {
    const engine = speaks('{"name":"x"}', END)
    const openai = await client(engine)
    const schema = { type: 'object', properties: { name: { type: 'string' } } }
    const response_format = { type: 'json_schema' as const, json_schema: { name: 'person', schema, strict: true } }
    const answer = await openai.chat.completions.parse({ ...ASK, response_format })
    expect(answer.choices[0]?.message.content).toBe('{"name":"x"}')
    expect(engine.prompts[0]).toContain(`hi`)
    expect(engine.prompts[0]).toContain(JSON.stringify(schema))
  })

  it('name what has no effect in a header', async () => {
    const openai = await client(speaks('x', END))
    const ask = { ...ASK, frequency_penalty: 1, presence_penalty: 0, logprobs: true, user: 'me', made_up: 3 }
    const { response } = await openai.chat.completions.create(ask).withResponse()
    expect(response.headers.get('warning')).toBe('299 tether "no effect here: frequency_penalty, logprobs, made_up"')
    const plain = await openai.chat.completions.create({ ...ASK, seed: 3, temperature: 0 }).withResponse()
    expect(plain.response.headers.get('warning')).toBeNull()
  })

  it('end the generation when the client leaves', async () => {
    const engine = speaks('Hi', 'hang')
    const openai = await client(engine)
    const stream = await openai.chat.completions.create({ ...ASK, stream: true })
    for await (const { choices } of stream) if (choices[0]?.delta.content === 'Hi') stream.controller.abort()
    await until(() => engine.ended === 1)
    expect(engine.cancelled).toHaveLength(1)
  })
})

describe('the official SDK’s responses', () => {
  const RESPOND = { model: 'gpt-anything', input: 'hi' }

  it('get a whole answer', async () => {
    const openai = await client(speaks('Hello', ' there', END))
    const answer = await openai.responses.create({
      ...RESPOND,
      instructions: 'be brief',
      temperature: 0.5,
      metadata: { a: 'b' },
    })
    expect(answer).toMatchObject({
      id: expect.stringMatching(/^resp_/),
      object: 'response',
      status: 'completed',
      error: null,
      incomplete_details: null,
      instructions: 'be brief',
      temperature: 0.5,
      metadata: { a: 'b' },
      output_text: 'Hello there',
      output: [{ type: 'message', role: 'assistant', status: 'completed' }],
      usage: { output_tokens: 11, output_tokens_details: { reasoning_tokens: 0 } },
    })
  })

  it('stream text, reasoning and parallel calls to the same response', async () => {
    const script = [...THINK, 'Looking', '.', ...call('Read', INPUT), ...call('Read', {}), END]
    const openai = await client(speaks(...script))
    const ask = { ...RESPOND, tools: [READ_ITEM] }
    const stream = openai.responses.stream(ask)
    const events = await all(stream)
    const final = await stream.finalResponse()
    const whole = await openai.responses.create(ask)
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, i) => i))
    const shape = ({ output }: OpenAI.Responses.Response) =>
      output.map((item) => ({ ...item, id: '', call_id: '', parsed: undefined, parsed_arguments: undefined }))
    expect(whole.output.map(({ type }) => type)).toEqual(['reasoning', 'message', 'function_call', 'function_call'])
    expect(whole.output[0]).toMatchObject({ content: [{ type: 'reasoning_text', text: 'let me see' }] })
    expect(whole.output_text).toBe('\n\nLooking.')
    expect(JSON.parse((whole.output[2] as OpenAI.Responses.ResponseFunctionToolCall).arguments)).toEqual(INPUT)
    const strip = (value: unknown) =>
      JSON.parse(JSON.stringify(value, (key, one) => (key === 'parsed' ? undefined : one)))
    expect(strip(shape(final))).toEqual(strip(shape(whole)))
  })

  it('are kept until they are deleted, and not with store: false', async () => {
    const openai = await client(speaks('Hello', END))
    const answer = await openai.responses.create(RESPOND)
    const { output_text: _, _request_id: __, ...same } = answer as typeof answer & { _request_id?: string }
    expect(await openai.responses.retrieve(answer.id)).toMatchObject(same)
    await openai.responses.delete(answer.id)
    const gone = {
      status: 404,
      code: 'not_found',
      message: expect.stringContaining(`no response "${answer.id}" is kept`),
    }
    await expect(openai.responses.retrieve(answer.id)).rejects.toMatchObject(gone)
    await expect(openai.responses.delete(answer.id)).rejects.toMatchObject({ status: 404 })
    const more = openai.responses.create({ ...RESPOND, previous_response_id: answer.id })
    await expect(more).rejects.toMatchObject({ code: 'previous_response_not_found' })
    const { id } = await openai.responses.create({ ...RESPOND, store: false })
    await expect(openai.responses.retrieve(id)).rejects.toMatchObject({ status: 404 })
  })

  it('go through a tool loop, with all items and with the last response', async () => {
    const script = [...THINK, ...call('Read', { path: 'a' }), END]
    const engine = speaks(script, ['It says x.', END], ['Still x.', END], ['Bye.', END])
    const openai = await client(engine)
    const input: OpenAI.Responses.ResponseInputItem[] = [{ role: 'user', content: 'read a' }]
    const first = await openai.responses.create({ ...RESPOND, input, tools: [READ_ITEM] })
    const used = first.output.find((item) => item.type === 'function_call')
    const result = { type: 'function_call_output' as const, call_id: used?.call_id ?? '', output: 'x' }
    const whole = await openai.responses.create({
      ...RESPOND,
      input: [...input, ...(first.output as OpenAI.Responses.ResponseInputItem[]), result],
      tools: [READ_ITEM],
    })
    const continued = await openai.responses.create({
      ...RESPOND,
      input: [result],
      previous_response_id: first.id,
      tools: [READ_ITEM],
    })
    expect(engine.prompts[2]).toBe(engine.prompts[1])
    expect([whole.output_text, continued.output_text]).toEqual(['It says x.', 'Still x.'])
    await openai.responses.create({ ...RESPOND, input: 'thanks', previous_response_id: continued.id })
    expect(engine.prompts[3]).toContain('[result x]<end><turn>assistant Still x.<end><turn>user thanks<end>')
  })

  it('are not kept where the request says so', async () => {
    const openai = await client(speaks('x', END))
    const { id, store } = (await openai.responses.create({ ...RESPOND, store: false })) as OpenAI.Responses.Response & {
      store: boolean
    }
    expect(store).toBe(false)
    const error = await openai.responses.create({ ...RESPOND, previous_response_id: id }).catch((e) => e)
    expect(error).toBeInstanceOf(OpenAI.BadRequestError)
    expect(error).toMatchObject({ code: 'previous_response_not_found', param: 'previous_response_id' })
  })

  it('are incomplete where a limit cuts them', async () => {
    const openai = await client(speaks('abcdef', END))
    const stream = openai.responses.stream({ ...RESPOND, max_output_tokens: 3 })
    const events = await all(stream)
    expect(events.at(-1)).toMatchObject({
      type: 'response.incomplete',
      response: {
        status: 'incomplete',
        incomplete_details: { reason: 'max_output_tokens' },
        output: [{ status: 'incomplete' }],
      },
    })
  })

  it('end the generation when the client leaves', async () => {
    const engine = speaks('Hi', 'hang')
    const openai = await client(engine)
    const stream = await openai.responses.create({ ...RESPOND, stream: true })
    for await (const event of stream) if (event.type === 'response.output_text.delta') stream.controller.abort()
    await until(() => engine.ended === 1)
    expect(engine.cancelled).toHaveLength(1)
  })
})

describe('the official SDK’s completions', () => {
  it('continue a prompt, whole and streamed', async () => {
    const engine = speaks('  \n', { control: '<think>' }, ' x', END)
    const openai = await client(engine)
    const ask = { model: 'any', prompt: 'once <turn>', max_tokens: 10 }
    const whole = await openai.completions.create(ask)
    expect(whole).toMatchObject({
      object: 'text_completion',
      choices: [{ text: '  \n x', finish_reason: 'stop', logprobs: null }],
    })
    // Control tokens in a raw prompt count as such for tokenizers that know them; the fake one has plain text alone.
    expect(engine.prompts[0]).toBe('once <turn>')
    const chunks = await all(
      await openai.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } }),
    )
    expect(chunks.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe('  \n x')
    expect(chunks.at(-1)?.usage).toEqual(whole.usage)
  })

  it('take token ids, and at most 16 tokens where nothing is said', async () => {
    const engine = speaks('x'.repeat(100), END)
    const openai = await client(engine)
    const { choices } = await openai.completions.create({ model: 'any', prompt: [104, 105] })
    expect(engine.prompts).toEqual(['hi'])
    expect(choices).toMatchObject([{ text: 'x'.repeat(16), finish_reason: 'length' }])
  })
})

describe('the official SDK’s errors', () => {
  it('name the field, on every route, also for a stream', async () => {
    const openai = await client(speaks('x'))
    for (const stream of [false, true]) {
      const asked = [
        openai.chat.completions.create({ ...ASK, stream, temperature: 9 }),
        openai.responses.create({ model: 'm', input: 'x', stream, temperature: 9 }),
        openai.completions.create({ model: 'm', prompt: 'x', stream, temperature: 9 }),
      ]
      for (const answer of asked) {
        const error = await answer.catch((e) => e)
        expect(error).toBeInstanceOf(OpenAI.BadRequestError)
        expect(error).toMatchObject({ param: 'temperature', type: 'invalid_request_error' })
        expect(error.message).toContain('temperature: Input should be a number between 0 and 2')
        expect(error.requestID).toMatch(/^req_/)
      }
    }
  })

  it('tell a prompt that is too long', async () => {
    const engine = speaks('x')
    engine.info.window = 10
    const openai = await client(engine)
    const error = await openai.chat.completions.create(ASK).catch((e) => e)
    expect(error).toMatchObject({ status: 400, code: 'context_length_exceeded' })
  })

  it('ask for the key', async () => {
    const server = await serveFake(speaks('x'), { apiKey: 'right' })
    const wrong = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'wrong', maxRetries: 0 })
    await expect(wrong.chat.completions.create(ASK)).rejects.toMatchObject({ status: 401, code: 'invalid_api_key' })
    const right = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'right', maxRetries: 0 })
    expect((await right.chat.completions.create(ASK)).choices).toHaveLength(1)
  })

  it('end a stream that fails, with what went wrong', async () => {
    const openai = await client(speaks('Hi', { fail: new Error('odd') }))
    const chat = await openai.chat.completions.create({ ...ASK, stream: true })
    await expect(all(chat)).rejects.toThrow('odd')
    const response = await openai.responses.create({ model: 'm', input: 'x', stream: true })
    await expect(all(response)).rejects.toThrow('odd')
    const completion = await openai.completions.create({ model: 'm', prompt: 'x', stream: true })
    await expect(all(completion)).rejects.toThrow('odd')
  })
})

it('the official SDK lists the model', async () => {
  const openai = await client(speaks('x'))
  expect((await all(openai.models.list())).map(({ id }) => id)).toEqual(['fake-model'])
  expect(await openai.models.retrieve('fake-model')).toMatchObject({ object: 'model', owned_by: 'tether' })
  const error = await openai.models.retrieve('org/other').catch((e) => e)
  expect(error).toBeInstanceOf(OpenAI.NotFoundError)
  expect(error).toMatchObject({
    code: 'model_not_found',
    message: expect.stringContaining('no model named org/other is loaded'),
  })
})
