/** OpenAI's own client against the demo model: answers, streams and a tool loop on every route. */
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { loadModel, type Model } from '../../src/load-model.js'
import { type Server, serve } from '../../src/server/serve.js'

// The model shares the machine with other tests.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const parameters = { type: 'object', properties: { command: { type: 'string' } }, required: ['command'] }
const description = 'Runs a command'

describe('the demo model, through OpenAI’s client', () => {
  let model: Model
  let server: Server
  let openai: OpenAI
  beforeAll(async () => {
    model = await loadModel('demo/model')
    server = await serve(model, { port: 0 })
    openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
  })
  afterAll(async () => {
    await server?.close()
    await model?.close()
  })

  it('repeats a word, whole and streamed, as a chat and as a response', async () => {
    const ask = {
      model: 'any',
      temperature: 0,
      max_tokens: 50,
      messages: [{ role: 'user' as const, content: 'Say pineapple.' }],
    }
    const whole = await openai.chat.completions.create(ask)
    expect(whole.choices).toMatchObject([{ message: { content: 'pineapple' }, finish_reason: 'stop' }])
    const streamed = await openai.chat.completions.stream(ask).finalContent()
    expect(streamed).toBe('pineapple')
    const respond = { model: 'any', temperature: 0, input: 'Say pineapple.' }
    expect((await openai.responses.create(respond)).output_text).toBe('pineapple')
    expect((await openai.responses.stream(respond).finalResponse()).output_text).toBe('pineapple')
  })

  it('reuses the prompt of an earlier request, and says so', async () => {
    const ask = { model: 'any', max_tokens: 50, messages: [{ role: 'user' as const, content: 'Say coconut.' }] }
    await openai.chat.completions.create(ask)
    const { usage } = await openai.chat.completions.create(ask)
    expect(usage?.prompt_tokens_details?.cached_tokens).toBe((usage?.prompt_tokens ?? 0) - 1)
  })

  it('goes through a tool loop in a chat', async () => {
    const tools = [{ type: 'function' as const, function: { name: 'Bash', description, parameters } }]
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'Run the command: ls' }]
    const first = await openai.chat.completions.create({
      model: 'any',
      temperature: 0,
      max_tokens: 100,
      messages,
      tools,
    })
    const message = first.choices[0]?.message as OpenAI.ChatCompletionMessage
    const [call] = message.tool_calls ?? []
    if (call?.type !== 'function') throw new Error('the model called no function')
    expect(first.choices[0]?.finish_reason).toBe('tool_calls')
    expect([call.function.name, JSON.parse(call.function.arguments)]).toMatchObject(['Bash', { command: 'ls' }])
    messages.push(message, { role: 'tool', tool_call_id: call.id, content: 'notes.txt' })
    const second = await openai.chat.completions.create({
      model: 'any',
      temperature: 0,
      max_tokens: 100,
      messages,
      tools,
    })
    expect(second.choices[0]?.finish_reason).toBe('stop')
    // All that came before was computed already, the model's own call included.
    const { prompt_tokens = 0, prompt_tokens_details } = second.usage ?? {}
    expect(prompt_tokens_details?.cached_tokens).toBeGreaterThanOrEqual((first.usage?.total_tokens ?? 0) - 2)
    expect(prompt_tokens_details?.cached_tokens).toBeLessThan(prompt_tokens)
  })

  it('goes through the same loop in responses, by the id of the last one', async () => {
    const tools = [{ type: 'function' as const, name: 'Bash', description, parameters, strict: false }]
    const ask = { model: 'any', temperature: 0, tools }
    const first = await openai.responses.create({ ...ask, input: 'Run the command: ls' })
    const call = first.output.find((item) => item.type === 'function_call')
    expect(JSON.parse(call?.arguments ?? '{}')).toMatchObject({ command: 'ls' })
    const result = { type: 'function_call_output' as const, call_id: call?.call_id ?? '', output: 'notes.txt' }
    const second = await openai.responses.create({ ...ask, input: [result], previous_response_id: first.id })
    expect(second.status).toBe('completed')
    const reused = second.usage?.input_tokens_details.cached_tokens
    expect(reused).toBeGreaterThanOrEqual((first.usage?.total_tokens ?? 0) - 2)
  })

  it('continues a raw prompt', async () => {
    const prompt = '<|turn>user\nSay pineapple.<turn|>\n<|turn>model\n'
    const { choices } = await openai.completions.create({ model: 'any', prompt, temperature: 0 })
    expect(choices).toMatchObject([{ text: 'pineapple', finish_reason: 'stop' }])
  })

  it('stops at once when a client leaves its stream', async () => {
    const before = model.stats().requests
    const stream = await openai.completions.create({ model: 'any', prompt: 'a', max_tokens: 20_000, stream: true })
    for await (const { choices } of stream) if (choices[0]?.text) break
    await vi.waitFor(() => expect(model.stats()).toMatchObject({ live: 0, requests: before + 1 }), { timeout: 20_000 })
  })
})
