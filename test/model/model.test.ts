import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ToolChoiceParam } from '../../src/anthropic/request.js'
import { readCheckpoint } from '../../src/engine/checkpoint.js'
import { loadModel, type Model } from '../../src/load-model.js'
import { defaultSampling } from '../../src/model/sampling.js'
import type { GeneratedText, GenerateOptions } from '../../src/model/types.js'
import { windowSentence } from '../../src/model/window.js'
import { plainSampling } from '../../src/options.js'
import { promptTokens } from '../support/usage.js'

/** A prompt of the demo model's family that makes it say something known. */
const say = (words: string) => `<|turn>user\nSay ${words}.<turn|>\n<|turn>model\n<|channel>thought\n<channel|>`

describe('a loaded model', () => {
  let model: Model
  beforeAll(async () => {
    model = await loadModel('demo/model', { maxContext: 4096 })
  })
  afterAll(() => model.close())

  async function collect(options: GenerateOptions) {
    let text = ''
    const tokens: number[] = []
    let finish: GeneratedText['finish']
    for await (const item of model.generate({ temperature: 0, ...options })) {
      expect(finish, 'nothing comes after the finish').toBeUndefined()
      text += item.text
      tokens.push(...item.tokens)
      finish = item.finish
    }
    return { text, tokens, finish }
  }

  test('reports its name, family, type, window and size', () => {
    expect(model.info).toMatchObject({ name: 'demo', family: 'gemma4', modelType: 'gemma4_text', window: 4096 })
    expect(model.info.parameters).toBeGreaterThan(1_000_000)
  })

  test('generates from text in which control tokens count, with bos put before it', async () => {
    const { text, tokens, finish } = await collect({ prompt: say('pineapple') })
    expect(text).toBe('pineapple')
    expect(model.tokenizer.decode(tokens)).toBe('pineapple')
    const prompt = model.tokenizer.encode(`<bos>${say('pineapple')}`, { special: true })
    expect(finish).toMatchObject({ reason: 'stop', promptTokens: prompt.length })
    const same = await collect({ tokens: prompt })
    expect(same.text).toBe('pineapple')
    const own = await collect({ prompt: `<bos>${say('pineapple')}` })
    expect(own.finish?.promptTokens).toBe(prompt.length)
  })

  test('ends at a stop string, which is not part of the text, also when it spans tokens', async () => {
    const { text, finish } = await collect({ prompt: say('pineapple'), stop: ['eap'] })
    expect(text).toBe('pin')
    expect(finish).toMatchObject({ reason: 'stop', stopSequence: 'eap' })
  })

  test('returns text that only looked like a stop string', async () => {
    const { text } = await collect({ prompt: say('pineapple'), stop: ['apple pie'] })
    expect(text).toBe('pineapple')
  })

  test('continues past its own stop tokens with ignoreStop', async () => {
    const { tokens, finish } = await collect({ prompt: say('pineapple'), ignoreStop: true, maxTokens: 30 })
    expect(tokens).toHaveLength(30)
    expect(finish?.reason).toBe('length')
  })

  test('stops when its signal fires', async () => {
    const { finish } = await collect({ prompt: 'x', ignoreStop: true, signal: AbortSignal.timeout(100) })
    expect(finish?.reason).toBe('cancelled')
  })

  test.each([
    [{}, /either prompt or tokens/],
    [{ prompt: 'a', tokens: [5] }, /either prompt or tokens/],
    [{ prompt: 'a', temperature: -1 }, /temperature/],
    [{ prompt: 'a', topP: 2 }, /topP/],
    [{ prompt: 'a', topP: -1 }, /topP must be a number from 0 to 1/],
    [{ prompt: 'a', topK: 1.5 }, /topK must be a whole number from 0 to 2147483647/],
    [{ prompt: 'a', maxTokens: 0 }, /maxTokens/],
    [{ tokens: [99_999] }, /99999/],
  ])('rejects %j and names what is wrong', async (options, message) => {
    await expect(collect(options)).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringMatching(message),
    })
  })

  test('counts the input tokens that an answer’s usage reports', async () => {
    const request = { max_tokens: 20, messages: [{ role: 'user', content: 'Say zeppelin, 20 times or so.' }] }
    const { usage } = await model.message(request)
    expect(promptTokens(usage)).toBe(model.countTokens(request))
  })

  test('streams events that fold to the message', async () => {
    const request = { max_tokens: 50, messages: [{ role: 'user', content: 'Say pineapple.' }] }
    const types: string[] = []
    for await (const event of model.stream(request)) types.push(event.type)
    expect(types[0]).toBe('message_start')
    expect(types.at(-1)).toBe('message_stop')
    expect((await model.message(request)).content).toEqual([{ type: 'text', text: 'pineapple' }])
  })

  test('begins an answer as the call that tool_choice demands, and counts it', async () => {
    const tools = ['Bash', 'Read'].map((name) => ({ name, description: 'a tool', input_schema: { type: 'object' } }))
    const ask = (tool_choice: ToolChoiceParam) => ({
      max_tokens: 60,
      tools,
      tool_choice,
      messages: [{ role: 'user', content: 'Run `echo nutmeg`' }],
    })
    for (const choice of [{ type: 'any' }, { type: 'tool', name: 'Bash' }]) {
      const { content, stop_reason, usage } = await model.message(ask(choice))
      expect(content).toMatchObject([{ type: 'tool_use', name: 'Bash', input: { command: 'echo nutmeg' } }])
      expect(stop_reason).toBe('tool_use')
      expect(promptTokens(usage)).toBe(model.countTokens(ask(choice)))
    }
    // Left alone the model would run the command; it has to read.
    const { content } = await model.message(ask({ type: 'tool', name: 'Read' }))
    expect(content[0]).not.toMatchObject({ name: 'Bash' })
    await expect(model.message(ask({ type: 'tool', name: 'Nope' }))).rejects.toMatchObject({
      code: 'invalid_request',
      message: 'tool_choice: no tool named Nope in tools',
    })
  })

  test('rejects a prompt that leaves no room, before the first event', async () => {
    const long = { max_tokens: 5, messages: [{ role: 'user', content: 'pineapple '.repeat(5000) }] }
    await expect(model.message(long)).rejects.toMatchObject({
      code: 'prompt_too_long',
      message: expect.stringMatching(/^prompt is too long: \d+ tokens > 4095 maximum$/),
    })
  })

  test('scores the answer that it would give higher than another text', async () => {
    const sum = async (word: string) => {
      const prompt = model.tokenizer.encode(`<bos>${say('pineapple')}`, { special: true })
      const tokens = [...prompt, ...model.tokenizer.encode(word, { special: false })]
      return (await model.score(tokens)).slice(prompt.length).reduce((total, score) => total + score, 0)
    }
    expect(await sum('pineapple')).toBeGreaterThan(await sum('lighthouse'))
  })
})

describe('sampling of a loaded model', () => {
  test('is the options over the checkpoint’s own, and info reports it', async () => {
    const model = await loadModel('demo/model', { sampling: { temperature: 0.4, topK: 9 }, thinking: 'off' })
    const { sampling: own } = await readCheckpoint('demo/model')
    expect(model.info.sampling).toEqual({ ...own, temperature: 0.4, topK: 9 })
    expect(model.info.thinking).toBe('off')
    await model.close()
  })

  test.each([
    [{ sampling: { temperature: 3 } }, 'sampling.temperature must be a number between 0 and 2, not 3'],
    [{ sampling: { topK: 1.5 } }, 'sampling.topK must be a whole number between 0 and 2147483647, not 1.5'],
    [{ sampling: { top_p: 1 } as object }, 'unknown option sampling.top_p. Use one of: temperature, topP, topK, minP'],
    [{ thinking: 'maybe' as 'on' }, 'thinking must be auto, on or off, not maybe'],
    [{ promptOrder: 'tools' as 'auto' }, 'promptOrder must be auto, template or stable-first, not tools'],
  ])('as in %j is rejected before anything is loaded', async (options, message) => {
    await expect(loadModel('demo/model', options)).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining(message),
    })
  })

  test("as options comes before the checkpoint's own", () => {
    const own = { ...plainSampling, topP: 0.5, topK: 7 }
    expect(defaultSampling(own, { topP: 0 })).toEqual({ ...own, topP: 0 })
  })
})

test.each([
  ['checkpoint', '64k-token window, all that the model supports'],
  ['max_context', '64k-token window; the model supports 128k (raise it with maxContext)'],
  ['memory', '64k-token window; the model supports 128k (raise it with memoryCap)'],
] as const)('the window sentence names %s as the bound', (windowLimit, sentence) => {
  const trainedWindow = windowLimit === 'checkpoint' ? 65_536 : 131_072
  expect(windowSentence({ window: 65_536, windowLimit, trainedWindow })).toBe(sentence)
})

test('a closed model rejects requests with the code closed', async () => {
  const model = await loadModel('demo/model')
  await model.close()
  await model.close()
  await expect(model.message({ max_tokens: 5, messages: [{ role: 'user', content: 'Hi' }] })).rejects.toMatchObject({
    code: 'closed',
  })
})
