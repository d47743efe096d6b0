/** Parts become events in OpenAI's order, and events one answer. */
import { describe, expect, it, test } from 'vitest'
import { fold as foldChat } from '../../src/openai/chat/fold.js'
import { toEvents as toChunks } from '../../src/openai/chat/from-turn.js'
import type { ChatEvent } from '../../src/openai/chat/types.js'
import { completions, foldText, toEvents as toCompletions } from '../../src/openai/completions/protocol.js'
import { toEvents } from '../../src/openai/responses/from-turn.js'
import { parseResponse } from '../../src/openai/responses/parse.js'
import { createResponses } from '../../src/openai/responses/protocol.js'
import { createResponseStore, unpacked } from '../../src/openai/responses/store.js'
import type { ResponseEvent } from '../../src/openai/responses/types.js'
import type { GeneratedPart } from '../../src/turn/read-answer.js'
import { toTurnParts } from '../../src/turn/turn-parts.js'
import type { TurnPart } from '../../src/turn/types.js'
import { call, collect, end, from, text, thinking } from '../support/generated-parts.js'

async function* started(echo: object, parts: AsyncIterable<TurnPart>): AsyncGenerator<TurnPart> {
  yield { type: 'start', model: 'm', stream: true, promptTokens: 10, echo }
  yield* parts
}
const turn = (echo: object, generated: GeneratedPart[]) => started(echo, toTurnParts(from(generated), 'call_'))
const answer = [thinking('hm'), thinking('.'), text('Hi'), text('!'), call('Read', { path: 'a' }), call('List'), end()]
const usage = { prompt_tokens: 10, completion_tokens: 7, total_tokens: 17 }
const details = { prompt_tokens_details: { cached_tokens: 4 }, completion_tokens_details: { reasoning_tokens: 3 } }

describe('a chat completion', () => {
  const chunks = (generated: GeneratedPart[], usage = true) =>
    collect(toChunks(turn({ usage }, generated), { id: 'chatcmpl-1', created: 5 }))
  const deltas = (events: ChatEvent[]) =>
    events.map((event) =>
      event === 'done' ? event : (event.choices[0]?.finish_reason ?? event.choices[0]?.delta ?? event.usage),
    )

  it('is chunks in order', async () => {
    const id = expect.stringMatching(/^call_/)
    const events = await chunks(answer)
    expect(deltas(events)).toEqual([
      { role: 'assistant', content: '' },
      { reasoning_content: 'hm' },
      { reasoning_content: '.' },
      { content: 'Hi' },
      { content: '!' },
      { tool_calls: [{ index: 0, id, type: 'function', function: { name: 'Read', arguments: '' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"path":"a"}' } }] },
      { tool_calls: [{ index: 1, id, type: 'function', function: { name: 'List', arguments: '' } }] },
      { tool_calls: [{ index: 1, function: { arguments: '{}' } }] },
      'tool_calls',
      { ...usage, ...details },
      'done',
    ])
    expect(events[0]).toEqual({
      id: 'chatcmpl-1',
      object: 'chat.completion.chunk',
      created: 5,
      model: 'm',
      choices: [{ index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null }],
      usage: null,
    })
    const plain = await chunks(answer, false)
    expect(plain.some((event) => event !== 'done' && 'usage' in event)).toBe(false)
    expect(plain).toHaveLength(events.length - 1)
  })

  test.each<[string, GeneratedPart[], object]>([
    ['of text', [text('Hi'), text('!'), end()], { message: { content: 'Hi!', refusal: null }, finish_reason: 'stop' }],
    ['of calls alone', [call('A'), end()], { message: { content: null }, finish_reason: 'tool_calls' }],
    ['of nothing', [end()], { message: { content: '' }, finish_reason: 'stop' }],
    [
      'of thoughts alone',
      [thinking('hm'), end('length')],
      { message: { content: '', reasoning_content: 'hm' }, finish_reason: 'length' },
    ],
    ['that a sequence ended', [text('a'), end('stop', 'x')], { message: { content: 'a' }, finish_reason: 'stop' }],
  ])('%s is folded', async (_, generated, choice) => {
    const whole = await foldChat(from(await chunks(generated)))
    expect(whole).toMatchObject({ object: 'chat.completion', choices: [choice], usage: { ...usage, ...details } })
  })

  it('that breaks off is an error', async () => {
    await expect(foldChat(from((await chunks(answer)).slice(0, 3)))).rejects.toThrow('the answer broke off')
  })
})

describe('a response', () => {
  const store = createResponseStore()
  const echoOf = (fields: object) => parseResponse({ model: 'm', input: 'hi', ...fields }, store).turn.echo ?? {}
  const events = (generated: GeneratedPart[], fields: object = {}) =>
    collect(toEvents(turn(echoOf(fields), generated), { id: 'resp_1', now: () => 5, store }))

  it('is events in order', async () => {
    const all = await events(answer)
    expect(all.map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.reasoning_text.delta',
      'response.reasoning_text.delta',
      'response.reasoning_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'response.output_item.added',
      'response.function_call_arguments.delta',
      'response.function_call_arguments.done',
      'response.output_item.done',
      'response.completed',
    ])
    expect(all.map(({ sequence_number }) => sequence_number)).toEqual(all.map((_, i) => i))
    const indexes = all.flatMap((event) => ('output_index' in event ? [event.output_index] : []))
    expect(indexes).toEqual([...Array(7).fill(0), ...Array(7).fill(1), ...Array(4).fill(2), ...Array(4).fill(3)])
  })

  it('names each item by the same id in all its events, and has what was done in the end', async () => {
    const all = await events(answer)
    const last = all.at(-1) as ResponseEvent & { type: 'response.completed' }
    const done = all.flatMap((event) => (event.type === 'response.output_item.done' ? [event.item] : []))
    expect(last.response.output).toEqual(done)
    expect(done.map(({ id }) => id.replace(/_.*/, ''))).toEqual(['rs', 'msg', 'fc', 'fc'])
    for (const event of all) {
      if ('item_id' in event) expect(event.item_id).toBe(done[event.output_index]?.id)
      if (event.type === 'response.output_item.added') expect(event.item.id).toBe(done[event.output_index]?.id)
    }
    expect(last.response).toMatchObject({
      id: 'resp_1',
      status: 'completed',
      created_at: 5,
      completed_at: 5,
      usage: {
        input_tokens: 10,
        input_tokens_details: { cached_tokens: 4 },
        output_tokens: 7,
        output_tokens_details: { reasoning_tokens: 3 },
        total_tokens: 17,
      },
    })
  })

  it('is kept for the next request', async () => {
    await events(answer)
    expect(unpacked(store.find('resp_1') ?? [])).toMatchObject([
      { role: 'user', parts: [text('hi')] },
      {
        role: 'assistant',
        parts: [
          thinking('hm.'),
          text('Hi!'),
          { type: 'tool_call', name: 'Read', input: { path: 'a' } },
          { name: 'List' },
        ],
      },
    ])
  })

  test.each<[string, GeneratedPart[], string, object[]]>([
    ['of nothing', [end()], 'completed', [{ type: 'message', status: 'completed', content: [{ text: '' }] }]],
    ['cut in its text', [text('a'), end('length')], 'incomplete', [{ type: 'message', status: 'incomplete' }]],
    ['cut in a thought', [thinking('a'), end('length')], 'incomplete', [{ type: 'reasoning', status: 'incomplete' }]],
    [
      'with text after a call',
      [call('A'), text('b'), end()],
      'completed',
      [{ type: 'function_call' }, { type: 'message' }],
    ],
  ])('%s has its items', async (_, generated, status, output) => {
    const last = (await events(generated)).at(-1)
    expect(last).toMatchObject({ type: `response.${status}`, response: { status, output } })
  })

  it('gives calls of other tools the form that the client knows', async () => {
    const tools = [
      { type: 'custom', name: 'patch' },
      { type: 'namespace', name: 'agents', tools: [{ type: 'function', name: 'spawn' }] },
    ]
    const all = await events(
      [call('patch', { input: '*** x' }), call('patch', { other: 1 }), call('agents__spawn'), end()],
      { tools },
    )
    const done = all.flatMap((event) => (event.type === 'response.output_item.done' ? [event.item] : []))
    expect(done).toMatchObject([
      { type: 'custom_tool_call', name: 'patch', input: '*** x' },
      // What the model got wrong is for the tool to say.
      { type: 'custom_tool_call', name: 'patch', input: '{"other":1}' },
      { type: 'function_call', namespace: 'agents', name: 'spawn', arguments: '{}' },
    ])
    expect(all.slice(2, 6).map(({ type }) => type)).toEqual([
      'response.output_item.added',
      'response.custom_tool_call_input.delta',
      'response.custom_tool_call_input.done',
      'response.output_item.done',
    ])
    expect(unpacked(store.find('resp_1') ?? []).at(-1)?.parts).toMatchObject([
      { name: 'patch', input: { input: '*** x' } },
      { name: 'patch', input: { input: '{"other":1}' } },
      { name: 'agents__spawn', input: {} },
    ])
  })

  it('ends with a numbered error where one comes after the first event', () => {
    const { encodeFault } = createResponses(store)
    const sent = encodeFault({ code: 'not_enough_memory', message: 'too big' }, 'req_1', 7)
    const [, name, json] = /^event: (.*)\ndata: (.*)\n\n$/.exec(sent) ?? []
    expect(name).toBe('error')
    expect(JSON.parse(json ?? '')).toMatchObject({
      type: 'error',
      sequence_number: 7,
      code: 'not_enough_memory',
      message: 'too big',
      param: null,
    })
  })
})

describe('a completion', () => {
  const events = (generated: GeneratedPart[]) =>
    collect(toCompletions(turn({ usage: true }, generated), { id: 'cmpl-1', created: 5 }))

  it('is text, its end and the counts', async () => {
    const all = await events([text(' a'), text('b'), end('length')])
    expect(all.map((event) => (event === 'done' ? event : (event.choices[0]?.text ?? event.usage)))).toEqual([
      '',
      ' a',
      'b',
      '',
      { ...usage, ...details },
      'done',
    ])
    expect(JSON.parse(await foldText(from(all)))).toMatchObject({
      object: 'text_completion',
      choices: [{ text: ' ab', finish_reason: 'length', logprobs: null }],
      usage: { ...usage, ...details },
    })
  })

  it('is encoded as data alone', async () => {
    const all = await events([text('a'), end()])
    for (const event of all.slice(0, -1)) expect(completions.encode(event)).toMatch(/^data: \{.*\}\n\n$/)
    expect(completions.encode('done')).toBe('data: [DONE]\n\n')
  })
})
