/** All stages of a turn, from a request's JSON to its message, on a fake engine. */
import { describe, expect, it } from 'vitest'
import { answerMessage, countMessageTokens, streamMessage } from '../../src/anthropic/messages.js'
import { prepareMessage } from '../../src/anthropic/prepare.js'
import { FORMATS } from '../../src/chat/families.js'
import type { ChatFamily, OutputFormat } from '../../src/chat/types.js'
import type { Thinking } from '../../src/options.js'
import { answerTurn } from '../../src/turn/answer-turn.js'
import { callsAsWords } from '../../src/turn/calls-as-words.js'
import { prepareRaw, type RawRequest } from '../../src/turn/prepare-raw.js'
import type { Prompter } from '../../src/turn/types.js'
import { speaks } from '../support/fake-engine.js'
import { fakeFamily } from '../support/fake-family.js'
import { fakeTurnModel } from '../support/fake-model.js'
import { hello } from '../support/fake-server.js'
import { controlId } from '../support/fake-tokenizer.js'
import { collect, end, from } from '../support/generated-parts.js'

const END = { control: '<end>' }
const CALL = [{ control: '<call>' }, '{"name":"Read","input":{"path":"a"}}', { control: '</call>' }]

it('a request is rendered, generated and read into parts', async () => {
  const engine = speaks({ control: '<think>' }, 'hm', { control: '</think>' }, '\n', 'Hi', ...CALL, END, 'never')
  engine.cachedTokens = 3
  const message = await answerMessage(fakeTurnModel(engine), hello({ system: 'be brief' }))
  expect(engine.prompts).toEqual(['<turn>system be brief<end><turn>user hi<end><turn>assistant '])
  expect(message).toMatchObject({
    model: 'some-model',
    stop_reason: 'tool_use',
    content: [
      { type: 'thinking', thinking: 'hm' },
      { type: 'text', text: '\nHi' },
      { type: 'tool_use', name: 'Read', input: { path: 'a' } },
    ],
    usage: { cache_read_input_tokens: 3, output_tokens: 45 },
  })
  expect(message.usage.input_tokens + 3).toBe(engine.requests[0]?.prompt.length)
})

it('sampling is the request’s, else the model’s default', async () => {
  const engine = speaks(END)
  const model = fakeTurnModel(engine)
  await answerMessage(model, hello())
  await answerMessage(model, hello({ temperature: 0, top_p: 0, top_k: 5, max_tokens: 7 }))
  expect(engine.requests[0]).toMatchObject({ ...model.defaults, maxTokens: 1000 })
  expect([...(engine.requests[0]?.stopTokens ?? [])]).toEqual([controlId('<end>')])
  expect(engine.requests[1]).toMatchObject({ temperature: 0, topP: 0, topK: 5, maxTokens: 7 })
  await answerMessage(model, hello({ min_p: 0.1, repetition_penalty: 1.2, seed: 3 }))
  expect(engine.requests[2]).toMatchObject({ temperature: 1, minP: 0.1, repetitionPenalty: 1.2, seed: 3 })
})

it('a model thinks as the request asks, always or never', async () => {
  const thoughts = async (thinking: Thinking, asked: object) => {
    const seen: boolean[] = []
    const family: ChatFamily = {
      ...fakeFamily,
      render: (chat) => {
        seen.push(chat.thinking)
        return fakeFamily.render(chat)
      },
    }
    const model = fakeTurnModel(speaks(END), { thinking, family })
    await answerMessage(model, hello(asked))
    countMessageTokens(model, hello(asked))
    return seen
  }
  const adaptive = { thinking: { type: 'adaptive', display: 'omitted' } }
  expect(await thoughts('auto', {})).toEqual([false, false])
  expect(await thoughts('auto', adaptive)).toEqual([true, true])
  expect(await thoughts('on', {})).toEqual([true, true])
  expect(await thoughts('off', adaptive)).toEqual([false, false])
})

it('an answer has the model name of its request, else the model’s own', async () => {
  const model = fakeTurnModel(speaks(END))
  expect((await answerMessage(model, hello())).model).toBe('some-model')
  expect((await answerMessage(model, hello({ model: undefined }))).model).toBe('fake-model')
})

describe('the window of an answer', () => {
  const small = (window: number) => {
    const engine = speaks('a'.repeat(100))
    engine.info.window = window
    return { engine, model: fakeTurnModel(engine) }
  }
  const length = countMessageTokens(fakeTurnModel(speaks()), hello())

  it('rejects a prompt that leaves no room, before the first event', async () => {
    const { engine, model } = small(length)
    const events = streamMessage(model, hello())
    await expect(events.next()).rejects.toMatchObject({
      code: 'prompt_too_long',
      message: `prompt is too long: ${length} tokens > ${length - 1} maximum`,
    })
    expect(engine.requests).toEqual([])
  })

  it('limits the answer to what the prompt leaves', async () => {
    const { model } = small(length + 5)
    const { content, stop_reason, usage } = await answerMessage(model, hello())
    expect(content).toEqual([{ type: 'text', text: 'aaaaa' }])
    expect(stop_reason).toBe('max_tokens')
    expect(usage).toMatchObject({ input_tokens: length, output_tokens: 5 })
  })
})

it('counting a request gives the input tokens of its answer’s usage', async () => {
  const engine = speaks('a')
  const request = hello({ tools: [{ name: 'Read', input_schema: {} }] })
  const { usage } = await answerMessage(fakeTurnModel(engine), request)
  expect(countMessageTokens(fakeTurnModel(engine), request)).toBe(usage.input_tokens)
  expect(engine.prompts[0]).toMatch(/^tool Read\n/)
})

it('a stop sequence that spans tokens ends the generation', async () => {
  const engine = speaks('one ', 'ST', 'OP', ' two', 'hang', 'three')
  const message = await answerMessage(fakeTurnModel(engine), hello({ stop_sequences: ['STOP'] }))
  expect(message).toMatchObject({
    content: [{ type: 'text', text: 'one ' }],
    stop_reason: 'stop_sequence',
    stop_sequence: 'STOP',
  })
  expect(engine.cancelled).toHaveLength(1)
})

it('the first call ends the generation when parallel calls are off', async () => {
  const engine = speaks(...CALL, ...CALL, END)
  const choice = { tool_choice: { type: 'auto', disable_parallel_tool_use: true } }
  expect((await answerMessage(fakeTurnModel(engine), hello(choice))).content).toHaveLength(1)
  expect((await answerMessage(fakeTurnModel(engine), hello())).content).toHaveLength(2)
})

it('a call that was cut off is text', async () => {
  const engine = speaks({ control: '<call>' }, '{"name":"Bash","input":{"command":"rm -rf', ' /tmp/x"}}', {
    control: '</call>',
  })
  const message = await answerMessage(fakeTurnModel(engine), hello({ max_tokens: 30 }))
  expect(message).toMatchObject({ content: [{ type: 'text' }], stop_reason: 'max_tokens' })
})

describe('ending a turn early:', () => {
  it('a reader that leaves ends the generation', async () => {
    const engine = speaks('a', 'hang')
    for await (const event of streamMessage(fakeTurnModel(engine), hello())) {
      if (event.type === 'content_block_delta') break
    }
    expect(engine.ended).toBe(1)
  })

  it('a signal ends the generation with the error cancelled', async () => {
    const engine = speaks('a', 'hang')
    const abort = new AbortController()
    const message = answerMessage(fakeTurnModel(engine), hello(), { signal: abort.signal })
    setTimeout(() => abort.abort(), 10)
    await expect(message).rejects.toMatchObject({ code: 'cancelled' })
    expect(engine.ended).toBe(1)
  })

  it('a signal that is not an AbortSignal of Node ends the generation too', async () => {
    const target = new EventTarget()
    const signal = {
      aborted: false,
      addEventListener: target.addEventListener.bind(target),
      removeEventListener: target.removeEventListener.bind(target),
    } as unknown as AbortSignal
    const message = answerMessage(fakeTurnModel(speaks('a', 'hang')), hello(), { signal })
    setTimeout(() => target.dispatchEvent(new Event('abort')), 10)
    await expect(message).rejects.toMatchObject({ code: 'cancelled' })
  })

  it('many answers leave nothing on a signal that their caller uses for all of them', async () => {
    const { signal } = new AbortController()
    const model = fakeTurnModel(speaks('a', END))
    for (let i = 0; i < 20; i++) await answerMessage(model, hello(), { signal })
    const inside = signal as unknown as Record<symbol, { size?: number } | undefined>
    const sizes = Object.getOwnPropertySymbols(signal).map((key) => inside[key]?.size ?? 0)
    expect(Math.max(0, ...sizes)).toBe(0)
  })

  it('a signal that has already fired ends the generation too', async () => {
    const message = answerMessage(fakeTurnModel(speaks('hang')), hello(), { signal: AbortSignal.abort() })
    await expect(message).rejects.toMatchObject({ code: 'cancelled' })
  })
})

describe('with tool_choice none', () => {
  const none = { tools: [{ name: 'Read', input_schema: { type: 'object' } }], tool_choice: { type: 'none' } }

  it('a call that the model writes all the same is plain words, and no tool is in the prompt', async () => {
    const engine = speaks('Well', ...CALL, ...CALL, END)
    const message = await answerMessage(fakeTurnModel(engine), hello(none))
    const call = 'I would call Read with {"path":"a"}.'
    expect(message.content).toEqual([{ type: 'text', text: `Well\n${call}\n${call}\n` }])
    expect(message.stop_reason).toBe('end_turn')
    expect(engine.prompts[0]).not.toContain('Read')
  })

  it.each([
    ['gemma4', '<|tool_call>call:Read{path:<|"|>a<|"|>}<tool_call|>', 'tool_call'],
    ['gemma3', '```tool_call\n{"name": "Read", "arguments": {"path": "a"}}\n```', '```'],
    ['llama3', '{"name": "Read", "parameters": {"path": "a"}}', 'parameters'],
    ['mistral', '[TOOL_CALLS]Read[ARGS]{"path": "a"}', '[ARGS]'],
    ['hermes', '<tool_call>\n{"name": "Read", "arguments": {"path": "a"}}\n</tool_call>', 'tool_call'],
  ])('%s shows no markup', async (name, written, markup) => {
    const format = FORMATS[name] as OutputFormat
    const pieces = written.split(/(<\|tool_call>|<tool_call\|>|<\|"\|>|\[TOOL_CALLS\]|\[ARGS\])/).filter(Boolean)
    const isControl = (piece: string) => format.markers.includes(piece)
    const reader = format.reader({ tools: [{ name: 'Read', description: '', schema: { type: 'object' } }] })
    const read = pieces.flatMap((piece) => reader.push(isControl(piece) ? { control: piece } : piece))
    const parts = await collect(callsAsWords(from([...read, ...reader.end('stop'), end()])))
    const said = parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
    expect(said).toContain('I would call Read with {"path":"a"}.')
    expect(said).not.toContain(markup)
    expect(parts.map(({ type }) => type)).not.toContain('tool_call')
  })
})

describe('a raw turn', () => {
  const ask = { stream: false, maxTokens: 9, stopSequences: [], sampling: {}, model: 'm' }
  const raw = async (engine: ReturnType<typeof speaks>, more: Partial<RawRequest> = {}) => {
    const prepare = () => prepareRaw(Int32Array.of(104, 105), { ...ask, ...more }, { pieces: ['hi'] })
    return collect(answerTurn(fakeTurnModel(engine), prepare))
  }

  it('is answered with all of its text, blank or not, and without control tokens', async () => {
    const parts = await raw(speaks(' ', { control: '<think>' }, '\n', END))
    expect(parts.map((part) => (part.type === 'text' ? part.text : part.type))).toEqual(['start', ' ', '\n', 'finish'])
    expect(parts.at(-1)).toMatchObject({ reason: 'end', thinkingTokens: 0 })
  })

  it('ends at its own tokens, too', async () => {
    const engine = speaks('ab', END)
    await raw(engine, { endTokens: [7, 8] })
    expect([...(engine.requests[0]?.stopTokens ?? [])]).toEqual([controlId('<end>'), 7, 8])
  })

  it('gives back with its start what the answer needs of the request', async () => {
    const [start] = await raw(speaks(END), { echo: { usage: true }, ignoredFields: ['logprobs'] })
    expect(start).toMatchObject({ type: 'start', echo: { usage: true }, ignoredFields: ['logprobs'] })
  })
})

it('the tokens of thoughts are counted', async () => {
  const engine = speaks({ control: '<think>' }, 'hm', '!', { control: '</think>' }, 'Hi', END)
  const prepare = (prompter: Prompter) => prepareMessage(prompter, hello())
  const parts = await collect(answerTurn(fakeTurnModel(engine), prepare))
  expect(parts.at(-1)).toMatchObject({ type: 'finish', outputTokens: 7, thinkingTokens: 3 })
})
