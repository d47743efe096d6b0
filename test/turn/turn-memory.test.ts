/** What the model wrote is found again in what a client sends back, and only then. */
import { describe, expect, test } from 'vitest'
import type { MessageParam } from '../../src/anthropic/request.js'
import type { Message } from '../../src/anthropic/types.js'
import type { Chat, ChatPart, GeneratedTurn, JsonObject, Part } from '../../src/chat/types.js'
import { createTurnMemory, type TurnMemory } from '../../src/turn/turn-memory.js'
import { speaks } from '../support/fake-engine.js'
import { fakeModel } from '../support/fake-model.js'

const tokens = Int32Array.of(1, 2, 3)
const generated = { tokens, thinking: false }
const chat = (...parts: ChatPart[]): Chat => ({ messages: [{ role: 'assistant', parts }], tools: [], thinking: false })
/** The chat that the remembered turns answer. */
const nothing: Chat = { messages: [], tools: [], thinking: false }
const call = (input: JsonObject, id = 'a', name = 'Edit'): ChatPart => ({ type: 'tool_call', id, name, input })
const wrote = (input: JsonObject, name = 'Edit'): Part => ({ type: 'tool_call', name, input })

interface Answered {
  chat: Chat
  parts: Part[]
  /** Of the calls among the parts, in order. */
  ids: string[]
  generated: GeneratedTurn
}

function remember(memory: TurnMemory, { chat, parts, ids, generated }: Answered): void {
  const left = [...ids]
  const withIds = parts.map((part) => (part.type === 'tool_call' ? { ...part, id: left.shift() as string } : part))
  memory.remember({ context: memory.recall(chat).context, parts: withIds, generated })
}

function recalls(parts: Part[], ids: string[], came: ChatPart[]): boolean {
  const memory = createTurnMemory()
  remember(memory, { chat: nothing, parts, ids, generated })
  return memory.recall(chat(...came)).chat.messages[0]?.generated?.tokens === tokens
}

describe('a remembered turn with calls is found', () => {
  test.each<[string, JsonObject, JsonObject]>([
    ['unchanged', { a: 'x', b: [1, { c: null }] }, { a: 'x', b: [1, { c: null }] }],
    ['with keys in another order', { a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 }],
    ['with a default added', { file: 'x' }, { replace_all: false, file: 'x' }],
    ['with numbers out of quotes', { n: '5', f: '2.50', b: 'true' }, { n: 5, f: 2.5, b: true }],
    ['with numbers in quotes', { n: 5, b: false }, { n: '5', b: 'false' }],
    ['with a null left out', { a: 1, b: null }, { a: 1 }],
  ])('%s', (_, before, after) => {
    expect(recalls([wrote(before)], ['a'], [call(after)])).toBe(true)
  })

  test.each<[string, JsonObject, JsonObject]>([
    ['another value', { a: 'x' }, { a: 'y' }],
    ['a value more', { a: 'x' }, { a: 'x', timeout: 5 }],
    ['a value less', { a: 'x', b: 'y' }, { a: 'x' }],
    ['a list that grew', { a: [1] }, { a: [1, 2] }],
    ['a list for an object', { a: {} }, { a: [] }],
    ['blanks cut off', { a: ' x' }, { a: 'x' }],
    ['an inherited name', { constructor: 'x' }, {}],
  ])('but not after %s', (_, before, after) => {
    expect(recalls([wrote(before)], ['a'], [call(after)])).toBe(false)
  })

  test('only by its own ids, names and number of calls', () => {
    expect(recalls([wrote({})], ['a'], [call({}, 'b')])).toBe(false)
    expect(recalls([wrote({})], ['a'], [call({}, 'a', 'Write')])).toBe(false)
    expect(recalls([wrote({}), wrote({})], ['a', 'b'], [call({})])).toBe(false)
    expect(recalls([wrote({}), wrote({})], ['a', 'b'], [call({}), call({}, 'b')])).toBe(true)
  })

  test('with its text in any place, but with no other text', () => {
    const said: Part[] = [{ type: 'text', text: 'One. ' }, wrote({}), { type: 'text', text: 'Two.' }]
    const moved: ChatPart[] = [{ type: 'text', text: 'One. ' }, { type: 'text', text: 'Two.' }, call({})]
    expect(recalls(said, ['a'], moved)).toBe(true)
    expect(recalls(said, ['a'], [{ type: 'text', text: 'One. ' }, call({})])).toBe(false)
  })
})

describe('a remembered turn without calls is found', () => {
  const said: Part[] = [
    { type: 'thinking', text: 'hm' },
    { type: 'text', text: 'Done.' },
  ]

  test('with its thoughts or without them, but not with other thoughts', () => {
    expect(
      recalls(
        said,
        [],
        [
          { type: 'thinking', text: 'hm' },
          { type: 'text', text: 'Done.' },
        ],
      ),
    ).toBe(true)
    expect(recalls(said, [], [{ type: 'text', text: 'Done.\n' }])).toBe(true)
    expect(
      recalls(
        said,
        [],
        [
          { type: 'thinking', text: 'ha' },
          { type: 'text', text: 'Done.' },
        ],
      ),
    ).toBe(false)
    expect(recalls(said, [], [{ type: 'text', text: 'Done' }])).toBe(false)
  })

  test('only in its own context: the same words in answer to something else may be other tokens', () => {
    const memory = createTurnMemory()
    const asked = (text: string): Chat['messages'] => [{ role: 'user', parts: [{ type: 'text', text }] }]
    const answered: Chat['messages'] = [{ role: 'assistant', parts: [{ type: 'text', text: 'Done.' }] }]
    const other = { tokens: Int32Array.of(4), thinking: false }
    for (const [text, what] of [
      ['a', generated],
      ['b', other],
    ] as const) {
      remember(memory, { chat: { ...nothing, messages: asked(text) }, parts: said, ids: [], generated: what })
    }
    const both = [...asked('a'), ...answered]
    expect(memory.recall({ ...nothing, messages: both }).chat.messages[1]?.generated).toBe(generated)
    expect(
      memory.recall({ ...nothing, messages: [...asked('c'), ...answered] }).chat.messages[1]?.generated,
    ).toBeUndefined()
  })

  test('never if it is empty', () => {
    expect(recalls([], [], [])).toBe(false)
    expect(recalls([{ type: 'text', text: ' ' }], [], [{ type: 'text', text: '' }])).toBe(false)
  })
})

test('the least recently used turns are dropped when they take too much memory', () => {
  const memory = createTurnMemory({ mostBytes: 3000 })
  const known = (id: string) => memory.recall(chat(call({}, id))).chat.messages[0]?.generated !== undefined
  for (const id of ['a', 'b']) remember(memory, { chat: nothing, parts: [wrote({})], ids: [id], generated })
  expect(known('a')).toBe(true)
  remember(memory, { chat: nothing, parts: [wrote({})], ids: ['c'], generated })
  expect([known('a'), known('b'), known('c')]).toEqual([true, false, true])
  remember(memory, {
    chat: nothing,
    parts: [wrote({})],
    ids: ['d'],
    generated: { tokens: new Int32Array(800), thinking: false },
  })
  expect([known('a'), known('c'), known('d')]).toEqual([true, true, false])
})

test('what short turns take besides their tokens counts', () => {
  const memory = createTurnMemory()
  const known = (id: string) => memory.recall(chat(call({}, id))).chat.messages[0]?.generated !== undefined
  for (let i = 0; i < 20_000; i++) {
    remember(memory, { chat: nothing, parts: [wrote({})], ids: [`id${i}`], generated })
  }
  const kept = Array.from({ length: 20_000 }, (_, i) => known(`id${i}`)).filter(Boolean).length
  expect(kept).toBeGreaterThan(3000)
  expect(kept).toBeLessThan(6000)
})

describe('turn memory in a conversation:', () => {
  const ask = { max_tokens: 50, tools: [{ name: 'Edit', input_schema: {} }] }
  const user = (content: MessageParam['content']) => ({ role: 'user', content })
  const turn = async (engine: ReturnType<typeof speaks>, next: (answer: Message) => MessageParam[], more = {}) => {
    const model = fakeModel(engine)
    const first = [user('go')]
    const answer = await model.message({ ...ask, messages: first, ...more })
    await model.message({ ...ask, messages: [...first, ...next(answer)] })
    return engine.prompts[1]
  }

  test('the next prompt has the call as the model generated it', async () => {
    const engine = speaks(
      [
        { control: '<call>' },
        '{"name":"Edit", "input": {"b":1,"a":"2"}}',
        { control: '</call>' },
        { control: '<end>' },
      ],
      ['ok'],
    )
    const prompt = await turn(engine, (answer) => {
      const [block] = answer.content
      if (block?.type !== 'tool_use') throw new Error('no call')
      const sent = { ...block, input: { a: 2, b: 1, replace_all: false } }
      return [
        { role: 'assistant', content: [sent] },
        user([{ type: 'tool_result', tool_use_id: block.id, content: 'r' }]),
      ]
    })
    expect(prompt).toContain('<turn>assistant <call>{"name":"Edit", "input": {"b":1,"a":"2"}}</call><end>')
  })

  test('an answer cut at a stop sequence is not remembered: the client never saw its end', async () => {
    const engine = speaks(['one STOP two', { control: '<end>' }], ['ok'])
    const next = (answer: Message) => [{ role: 'assistant', content: answer.content }, user('on')]
    const prompt = await turn(engine, next, { stop_sequences: ['STOP'] })
    expect(prompt).toContain('<turn>assistant one <end>')
    expect(prompt).not.toContain('two')
  })

  test('the counted prompt is the one that is answered', async () => {
    const engine = speaks(['  Done. ', { control: '<end>' }], ['ok'])
    const model = fakeModel(engine)
    const first = [user('go')]
    const answer = await model.message({ ...ask, messages: first })
    const messages = [...first, { role: 'assistant', content: [{ type: 'text', text: 'Done.' }] }, user('on')]
    const count = model.countTokens({ ...ask, messages })
    await model.message({ ...ask, messages })
    expect(answer.content).toMatchObject([{ text: '  Done. ' }])
    expect(engine.prompts[1]).toContain('<turn>assistant   Done. <end>')
    expect(count).toBe(engine.requests[1]?.prompt.length)
  })
})
