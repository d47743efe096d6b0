/** What an answer is held to, and what is said where that cannot be done. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ChatTool, JsonObject } from '../../src/chat/types.js'
import { TetherError } from '../../src/errors.js'
import type { Constrain } from '../../src/options.js'
import { holdAnswer } from '../../src/turn/hold-answer.js'
import type { Grammars, TurnFinish, TurnPart, TurnRequest } from '../../src/turn/types.js'
import { randomSpeaker, SPEAKERS, type Speaker, type SpeakerKind } from '../support/random-speaker.js'
import { until } from '../support/until.js'

const [gemma4, llama] = SPEAKERS as [SpeakerKind, SpeakerKind]

const tool = (schema: JsonObject, more: Partial<ChatTool> = {}): ChatTool => ({
  name: 'do',
  description: '',
  schema,
  ...more,
})
const small = { type: 'object', properties: { n: { enum: [1, 2] } }, required: ['n'], additionalProperties: false }
const unique: JsonObject = {
  type: 'object',
  properties: { list: { type: 'array', items: { type: 'boolean' }, uniqueItems: true, maxItems: 3 } },
  required: ['list'],
}

function asking(tools: ChatTool[], more: Partial<TurnRequest> = {}): Partial<TurnRequest> {
  const chat = { messages: [], tools, thinking: false }
  return { chat, toolChoice: { type: 'any' }, parallelCalls: false, maxTokens: 400, ...more }
}

const textOf = (parts: TurnPart[]) => parts.map((part) => (part.type === 'text' ? part.text : '')).join('')

describe('an answer', () => {
  let speaker: Speaker
  beforeAll(async () => {
    speaker = await randomSpeaker(llama)
  })
  afterAll(() => speaker.close())

  test('that must be a call of one tool calls that tool', async () => {
    const tools = [tool(small), tool(small, { name: 'other' })]
    const parts = await speaker.answer(asking(tools, { toolChoice: { type: 'tool', name: 'other' } }))
    expect(parts[1]).toMatchObject({ type: 'tool_call', name: 'other', input: { n: expect.any(Number) } })
    expect((parts.at(-1) as TurnFinish).constrained?.tokens).toBeGreaterThan(0)
  })

  test('with a schema fits it, and ends by itself', async () => {
    const answerSchema = {
      type: 'object',
      properties: { ok: { type: 'boolean' }, id: { pattern: '^[ab]{3}$', type: 'string' } },
      required: ['ok', 'id'],
    }
    for (let seed = 0; seed < 20; seed += 1) {
      const parts = await speaker.answer({ answerSchema, maxTokens: 400, sampling: { seed } })
      expect((parts.at(-1) as TurnFinish).reason).toBe('end')
      expect(JSON.parse(textOf(parts))).toEqual({ ok: expect.any(Boolean), id: expect.stringMatching(/^[ab]{3}$/) })
    }
  })

  test('with a schema that is a number may be more than its first digit', async () => {
    const lengths = new Set<number>()
    for (let seed = 0; seed < 20; seed += 1) {
      const parts = await speaker.answer({ answerSchema: { type: 'integer' }, maxTokens: 100, sampling: { seed } })
      if ((parts.at(-1) as TurnFinish).reason !== 'end') continue
      expect(textOf(parts)).toMatch(/^\s*-?\d+$/)
      lengths.add(textOf(parts).trim().length)
    }
    expect(lengths.size).toBeGreaterThan(1)
  })

  test('with a schema goes on with what the last message has begun', async () => {
    const begun = '{"n": '
    const chat = { messages: [{ role: 'assistant' as const, parts: [{ type: 'text' as const, text: begun }] }] }
    const ask = { chat: { ...chat, tools: [], thinking: false }, answerSchema: small, maxTokens: 300 }
    for (let seed = 0; seed < 10; seed += 1) {
      const parts = await speaker.answer({ ...ask, sampling: { seed } })
      expect(JSON.parse(begun + textOf(parts))).toEqual({ n: expect.any(Number) })
    }
  })

  test('with a schema that does not allow what the last message has begun is refused', async () => {
    const chat = { messages: [{ role: 'assistant' as const, parts: [{ type: 'text' as const, text: 'Sure: ' }] }] }
    const refused = speaker.answer({ chat: { ...chat, tools: [], thinking: false }, answerSchema: small })
    await expect(refused).rejects.toMatchObject({ code: 'invalid_request', message: expect.stringContaining('begun') })
  })

  test('is drawn as ever while no call is begun', async () => {
    const free = { maxTokens: 60, sampling: { seed: 5 } }
    const plain = await speaker.answer(free)
    const watched = await speaker.answer(
      asking([tool(small)], { ...free, toolChoice: { type: 'auto' }, parallelCalls: true }),
    )
    expect(textOf(watched)).toBe(textOf(plain))
  })
})

describe.each(SPEAKERS)(
  'an answer in $format of $checkpoint with a schema, beside tools that may be called',
  (kind) => {
    let speaker: Speaker
    beforeAll(async () => {
      speaker = await randomSpeaker(kind)
    })
    afterAll(() => speaker.close())

    test.each([true, false])('fits the schema or is calls and nothing else, parallel: %s', async (parallelCalls) => {
      const kinds = new Set<string>()
      const more = { toolChoice: { type: 'auto' as const }, parallelCalls, answerSchema: small, maxTokens: 300 }
      for (let seed = 0; seed < 60; seed += 1) {
        const parts = await speaker.answer(asking([tool(small)], { ...more, sampling: { seed } }))
        if ((parts.at(-1) as TurnFinish).outputTokens >= 300) continue
        const calls = parts.filter((part) => part.type === 'tool_call')
        kinds.add(calls.length > 0 ? 'call' : 'text')
        for (const { name, input } of calls) expect([name, input]).toEqual(['do', { n: expect.any(Number) }])
        if (calls.length > 0) expect(textOf(parts).trim()).toBe('')
        else expect(JSON.parse(textOf(parts))).toEqual({ n: expect.any(Number) })
      }
      expect(kinds).toContain('text')
      // A random model goes on with more calls, mostly to the end of its tokens; that of Gemma 2 hardly begins one.
      if (!parallelCalls && kind.format !== 'gemma2') expect(kinds).toContain('call')
    })
  },
)

describe('a schema with what no grammar says', () => {
  const speakers = new Map<Constrain, Speaker>()
  beforeAll(async () => {
    for (const constrain of ['auto', 'always', 'off'] as const)
      speakers.set(constrain, await randomSpeaker(llama, constrain))
  })
  afterAll(async () => {
    for (const speaker of speakers.values()) await speaker.close()
  })
  const of = (constrain: Constrain) => speakers.get(constrain) as Speaker

  test('is held without it, and that is said once', async () => {
    const said: string[] = []
    for (let i = 0; i < 2; i += 1) {
      const parts = await of('auto').answer(asking([tool(unique)]), { onUnheld: (reason) => said.push(reason) })
      expect(parts[1]).toMatchObject({ type: 'tool_call', name: 'do', input: { list: expect.any(Array) } })
    }
    expect(said).toEqual(['do: uniqueItems'])
  })

  test.each([
    ['always', tool(unique), 'uniqueItems', 'set constrain to auto'],
    ['auto', tool(unique, { strict: true }), 'uniqueItems', 'do not ask for it to be strict'],
    ['auto', tool({ type: 'object', properties: { a: { type: 'nothing' } } }, { strict: true }), 'nothing', 'strict'],
    ['auto', tool({ $ref: '#' }, { strict: true }), '$ref', 'strict'],
  ] as const)('is refused with %s where it must be held', async (constrain, asked, construct, instead) => {
    const refused = of(constrain).answer(asking([asked]))
    await expect(refused).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining(construct),
    })
    await expect(refused).rejects.toThrow('the schema of the tool do cannot be held')
    await expect(refused).rejects.toThrow(instead)
  })

  test('is refused as the schema of an answer', async () => {
    const refused = of('auto').answer({ answerSchema: unique })
    await expect(refused).rejects.toThrow(
      'the schema of the answer cannot be held while the answer is written: uniqueItems. Change the schema, or ask for that part in words',
    )
  })

  test('that cannot be compiled leaves the answer as it was, and the next one is held to the names', async () => {
    const said: string[] = []
    const tools = [tool({ type: 'object', properties: { a: { type: 'integer', minimum: 5, maximum: 1 } } })]
    const ask = () => of('auto').answer(asking(tools), { onUnheld: (reason) => said.push(reason) })
    await ask()
    await until(() => said.length > 0)
    const parts = await ask()
    expect((parts.at(-1) as TurnFinish).constrained?.failure).toBeUndefined()
    expect((parts.at(-1) as TurnFinish).constrained?.tokens).toBeGreaterThan(0)
    expect(said).toHaveLength(1)
  })

  test('that cannot be compiled leaves a strict tool beside it held', async () => {
    const { model } = of('auto')
    const grammars: Grammars = {
      ...(model.grammars as Grammars),
      async compile(source) {
        if (source === 'all') throw new TetherError('invalid_request', 'a fault')
        return []
      },
    }
    const marks = { afterTokens: new Int32Array(0), afterTexts: [] }
    const otherwise = { source: 'without the others' }
    const grammar = { source: 'all', otherwise, fromStart: false, begun: '', required: true, toEnd: false, ...marks }
    const relied = [{ where: 'a tool', instead: 'do not', source: 'the tool' }]
    const said: string[] = []
    const hold = { grammar, relied, missing: [] }
    const held = await holdAnswer(grammars, hold, { onUnheld: (reason) => said.push(reason) })
    await held?.checked
    expect([held?.grammar.otherwise, said]).toEqual([otherwise, ['a fault']])
  })

  test('that is strict is compiled with the others as one, and not by itself', async () => {
    const marks = { afterTokens: new Int32Array(0), afterTexts: [] }
    const grammar = { source: 'all', fromStart: false, begun: '', required: true, toEnd: false, ...marks }
    const relied = ['a', 'b', 'c'].map((source) => ({ where: source, instead: 'do not', source }))
    const asked: string[] = []
    const grammars: Grammars = {
      ...(of('auto').model.grammars as Grammars),
      async compile(source) {
        asked.push(source)
        return []
      },
    }
    await (await holdAnswer(grammars, { grammar, relied, missing: [] }))?.checked
    expect(asked).toEqual(['all'])
  })

  test('is not looked at where nothing is held', async () => {
    const parts = await of('off').answer(asking([tool(unique, { strict: true })]))
    expect((parts.at(-1) as TurnFinish).constrained).toBeUndefined()
  })
})

test('a property that a call of Gemma 4 cannot name is left to the model, and named', async () => {
  const speaker = await randomSpeaker(gemma4)
  try {
    const said: string[] = []
    const schema = { type: 'object', properties: { 'a:b': { type: 'boolean' } } }
    await speaker.answer(asking([tool(schema)]), { onUnheld: (reason) => said.push(reason) })
    expect(said).toEqual([expect.stringContaining('"a:b"')])
  } finally {
    await speaker.close()
  }
})

test.each(['files/read', 'größe', '日本語', 'a:b', 'call:it', 'a\\b', 'n'.repeat(300)])(
  'a tool that is called %s can be strict with Gemma 4, which reads that name',
  async (name) => {
    const speaker = await randomSpeaker(gemma4)
    try {
      const asked = asking([tool(small, { name, strict: true })], { maxTokens: 600 })
      const parts = await speaker.answer(asked)
      expect(parts[1]).toMatchObject({ type: 'tool_call', name, input: { n: expect.any(Number) } })
    } finally {
      await speaker.close()
    }
  },
)

test.each(['a b', '{}', '<bos>', ':a', 'a,b', '\ud800', '"a"'])(
  'a tool that is called %s cannot be strict with Gemma 4, which does not read that name',
  async (name) => {
    const speaker = await randomSpeaker(gemma4)
    try {
      const refused = speaker.answer(asking([tool(small, { name, strict: true })]))
      await expect(refused).rejects.toThrow('which no call of this model can have')
    } finally {
      await speaker.close()
    }
  },
)

test('a tool whose name has half a character leaves the others held', async () => {
  const speaker = await randomSpeaker(gemma4)
  try {
    const tools = [tool(small, { name: '\ud800' }), tool(small)]
    const parts = await speaker.answer(asking(tools, { toolChoice: { type: 'tool', name: 'do' } }))
    expect((parts.at(-1) as TurnFinish).constrained?.failure).toBeUndefined()
    expect(parts[1]).toMatchObject({ type: 'tool_call', name: 'do', input: { n: expect.any(Number) } })
  } finally {
    await speaker.close()
  }
})
