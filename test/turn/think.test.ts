/** Thinking stays within its budget, and the answer follows. */
import { describe, expect, test } from 'vitest'
import { answerMessage, streamMessage } from '../../src/anthropic/messages.js'
import type { MessageEvent } from '../../src/anthropic/types.js'
import { type FakeEngine, type Step, speaks } from '../support/fake-engine.js'
import { fakeTurnModel } from '../support/fake-model.js'

const THINK: Step = { control: '<think>' }
const DONE: Step = { control: '</think>' }

const ask = (engine: FakeEngine, fields: object = {}) =>
  answerMessage(fakeTurnModel(engine), { max_tokens: 100, messages: [{ role: 'user', content: 'hi' }], ...fields })

const enabled = (budget_tokens: number) => ({ thinking: { type: 'enabled', budget_tokens } })

describe('a thought that reaches its budget', () => {
  const engine = () => speaks([THINK, '12345', '67890', 'abc', DONE, 'never'], ['answer'])

  test('is closed, and the answer follows', async () => {
    const { content, stop_reason } = await ask(engine(), enabled(7))
    expect(content).toMatchObject([
      { type: 'thinking', thinking: '1234567' },
      { type: 'text', text: 'answer' },
    ])
    expect(stop_reason).toBe('end_turn')
  })

  test('is closed by a second generation that continues everything generated so far', async () => {
    const fake = engine()
    const { usage } = await ask(fake, enabled(7))
    const [first, second] = fake.prompts
    expect(second).toBe(`${first}<think>1234567</think>`)
    expect(fake.requests.map((request) => request.maxTokens)).toEqual([100, 100 - 9])
    // The marker that opened it, seven tokens, the one that closed it, and the answer.
    expect(usage).toMatchObject({ input_tokens: fake.requests[0]?.prompt.length, output_tokens: 9 + 6 })
    expect(fake.ended).toBe(2)
    expect(fake.cancelled).toHaveLength(1)
  })

  test('counts the cached tokens of the first generation once', async () => {
    const fake = engine()
    fake.cachedTokens = 4
    expect((await ask(fake, enabled(7))).usage.cache_read_input_tokens).toBe(4)
  })

  test('is closed also where the prompt has opened it', async () => {
    const fake = speaks(['12345', '67890', DONE, 'never'], ['answer'])
    const model = fakeTurnModel(fake)
    const { family } = model
    const render: typeof family.render = (chat) => [...family.render(chat), THINK, '\n']
    const request = { max_tokens: 100, messages: [{ role: 'user' as const, content: 'hi' }], ...enabled(7) }
    await answerMessage({ ...model, family: { ...family, render } }, request)
    const [first, second] = fake.prompts
    expect(first).toMatch(/<think>\n$/)
    expect(second).toBe(`${first}1234567</think>`)
  })

  test('is not closed twice if the model closes it at that point', async () => {
    const fake = speaks(THINK, '1234567', DONE, 'answer')
    expect((await ask(fake, enabled(7))).content).toMatchObject([{ thinking: '1234567' }, { text: 'answer' }])
    expect(fake.requests).toHaveLength(1)
  })

  test('leaves no budget for another one', async () => {
    const fake = speaks([THINK, '123456789'], [THINK, 'more'], ['answer'])
    expect((await ask(fake, enabled(7))).content).toMatchObject([{ thinking: '1234567' }, { text: 'answer' }])
    expect(fake.prompts[2]?.endsWith('<think>1234567</think><think></think>')).toBe(true)
  })

  test('may be followed by a tool call', async () => {
    const fake = speaks(
      [THINK, '123456789'],
      [{ control: '<call>' }, '{"name":"A","input":{}}', { control: '</call>' }],
    )
    const { content, stop_reason } = await ask(fake, enabled(3))
    expect(content).toMatchObject([{ thinking: '123' }, { type: 'tool_use', name: 'A' }])
    expect(stop_reason).toBe('tool_use')
  })
})

describe('a thought that repeats itself', () => {
  const LOOP: Step = { ends: 'loop' }

  test('is closed, and the answer follows', async () => {
    const fake = speaks([THINK, 'so so so', LOOP], ['answer'])
    const { content, usage } = await ask(fake)
    expect(content).toMatchObject([{ thinking: 'so so so' }, { text: 'answer' }])
    expect(fake.prompts[1]).toBe(`${fake.prompts[0]}<think>so so so</think>`)
    expect(usage.output_tokens).toBe(10 + 6)
  })

  test('leaves no budget for another one', async () => {
    const fake = speaks([THINK, 'so so', LOOP], [THINK, 'so so', LOOP], ['answer'])
    expect((await ask(fake)).content).toMatchObject([{ thinking: 'so so' }, { text: 'answer' }])
    expect(fake.requests).toHaveLength(3)
  })

  test('ends the answer where the answer does so too', async () => {
    const fake = speaks([THINK, 'so so', LOOP], ['hm hm', LOOP], ['never'])
    const { content, stop_reason } = await ask(fake)
    expect(content).toMatchObject([{ thinking: 'so so' }, { text: 'hm hm' }])
    expect(stop_reason).toBe('end_turn')
    expect(fake.requests).toHaveLength(2)
  })
})

test('an answer behind a thought that repeats itself is ended', async () => {
  const fake = speaks([THINK, 'thought', DONE, 'so so', { ends: 'loop' }], ['never'])
  expect((await ask(fake)).content).toMatchObject([{ thinking: 'thought' }, { text: 'so so' }])
  expect(fake.requests).toHaveLength(1)
})

test.each<[string, object]>([
  ['enabled with more than max_tokens', enabled(1000)],
  ['enabled with nearly max_tokens', enabled(99)],
  ['enabled without a number', { thinking: { type: 'enabled' } }],
  ['adaptive', { thinking: { type: 'adaptive', display: 'omitted' } }],
  ['disabled, and the model thinks all the same', { thinking: { type: 'disabled' } }],
  ['absent, and the model thinks all the same', {}],
])('with thinking %s a part of max_tokens is left for the answer', async (_, fields) => {
  const fake = speaks([THINK, 'x'.repeat(500)], ['answer'])
  const { content, stop_reason } = await ask(fake, fields)
  expect(content).toMatchObject([{ thinking: 'x'.repeat(75) }, { text: 'answer' }])
  expect(stop_reason).toBe('end_turn')
})

test('max_tokens 1 ends an answer after one token, even if that opens a thought', async () => {
  const fake = speaks(THINK, 'thought')
  expect(await ask(fake, { max_tokens: 1 })).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 1 } })
})

test('a model without thoughts has no budget', async () => {
  const fake = speaks('x'.repeat(500))
  expect(await ask(fake, enabled(5))).toMatchObject({ stop_reason: 'max_tokens', content: [{ text: 'x'.repeat(100) }] })
})

test('a closed thought and its answer are the events of one message', async () => {
  const fake = speaks([THINK, '123456789'], ['ans', 'wer'])
  const types: MessageEvent['type'][] = []
  const request = { max_tokens: 100, messages: [{ role: 'user', content: 'hi' }], ...enabled(3) }
  for await (const event of streamMessage(fakeTurnModel(fake), request)) types.push(event.type)
  expect(types.filter((type) => type.startsWith('message'))).toEqual(['message_start', 'message_delta', 'message_stop'])
})

test('a client that leaves while a thought is being closed ends the generation', async () => {
  const fake = speaks([THINK, '123456789'], ['hang'])
  const left = new AbortController()
  const request = { max_tokens: 100, messages: [{ role: 'user', content: 'hi' }], ...enabled(3) }
  const run = (async () => {
    for await (const event of streamMessage(fakeTurnModel(fake), request, { signal: left.signal })) {
      if (event.type === 'content_block_start') setTimeout(() => left.abort(), 20)
    }
  })()
  await expect(run).rejects.toMatchObject({ code: 'cancelled' })
  expect(fake.ended).toBe(fake.requests.length)
})
