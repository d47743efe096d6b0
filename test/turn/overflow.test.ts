/** A conversation that outgrows the window: which turns are dropped, and that the prefix stays. */
import { describe, expect, it } from 'vitest'
import { answerMessage, countMessageTokens, type MessageOptions } from '../../src/anthropic/messages.js'
import type { MessageParam } from '../../src/anthropic/request.js'
import { FAMILIES } from '../../src/chat/families.js'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'
import type { ChatFamily, ChatMessage, Tokenizer } from '../../src/chat/types.js'
import { loadModel } from '../../src/load-model.js'
import { dropOldest } from '../../src/turn/drop-oldest.js'
import { makePrompt } from '../../src/turn/prompt.js'
import type { TurnModel } from '../../src/turn/types.js'
import { prose, random } from '../support/claude-code-request.mjs'
import { speaks } from '../support/fake-engine.js'
import { fakeFamily } from '../support/fake-family.js'
import { fakeTurnModel } from '../support/fake-model.js'
import { promptTokens } from '../support/usage.js'

const text = (words: string) => [{ type: 'text' as const, text: words }]
const user = (words: string): ChatMessage => ({ role: 'user', parts: text(words) })
const system = (words: string): ChatMessage => ({ role: 'system', parts: text(words) })
const says = (words: string): ChatMessage => ({ role: 'assistant', parts: text(words) })
const calls = (id: string, words: string): ChatMessage => ({
  role: 'assistant',
  parts: [...text(words), { type: 'tool_call', id, name: 'Bash', input: { command: words } }],
})
const result = (id: string, words: string): ChatMessage => ({
  role: 'user',
  parts: [{ type: 'tool_result', id, text: words, isError: false }],
})

/** Every message costs what its number says, whatever else there is. */
function cut(messages: ChatMessage[], window: number): string | undefined {
  const cost = ({ parts }: ChatMessage) =>
    parts.reduce((sum, part) => sum + (part.type === 'tool_call' ? 0 : Number.parseInt(part.text, 10)), 0)
  const chat = { messages, tools: [], thinking: false }
  const kept = dropOldest(chat, window, (some) => some.messages.reduce((sum, message) => sum + cost(message), 0))
  return kept?.messages.map(({ parts }) => parts.map((part) => ('text' in part ? part.text : '')).join('')).join(' ')
}

describe('dropping the oldest turns', () => {
  it('goes down to three quarters of the window', () => {
    const turns = [user('30a'), says('10b'), user('30c'), says('10d'), user('30e')]
    expect(cut(turns, 100)).toBe('30c 10d 30e')
    expect(cut([...turns, says('10f'), user('10g')], 100)).toBe('30c 10d 30e 10f 10g')
    expect(cut([...turns, says('10f'), user('20g')], 100)).toBe('30e 10f 20g')
  })

  it('keeps system messages in any position', () => {
    const turns = [system('10a'), user('30b'), system('10c'), says('20d'), user('30e'), system('5f')]
    expect(cut(turns, 100)).toBe('10a 10c 30e 5f')
  })

  it('never separates a call from its result, and never begins with a result', () => {
    const turns = [user('5a'), calls('1', '30b'), result('1', '30c'), calls('2', '5d'), result('2', '40e')]
    expect(cut(turns, 100)).toBe('5a 5d 40e')
    const interrupted = [user('5a'), calls('1', '30b'), system('1x'), result('1', '30c'), says('5d'), user('40e')]
    expect(cut(interrupted, 100)).toBe('5a 1x 5d 40e')
  })

  it('keeps what the user asked at the head of a turn of many calls', () => {
    const loop = [0, 1, 2, 3, 4, 5].flatMap((i) => [calls(`${i}`, `5c${i}`), result(`${i}`, `15r${i}`)])
    expect(cut([user('30old'), says('5x'), user('10ask'), ...loop], 100)).toBe(
      '10ask 5c2 15r2 5c3 15r3 5c4 15r4 5c5 15r5',
    )
  })

  it('keeps the last turn even above three quarters, and fails if it does not fit the window', () => {
    expect(cut([user('30a'), says('10b'), user('99c')], 100)).toBe('99c')
    expect(cut([user('30a'), says('10b'), user('100c')], 100)).toBeUndefined()
    expect(cut([user('100a')], 100)).toBeUndefined()
    expect(cut([user('60a'), calls('1', '1b'), result('1', '50c')], 100)).toBeUndefined()
  })

  it('continues after an earlier request that no cut could make fit', () => {
    expect(cut([user('10a'), says('10b'), user('200c'), says('10d'), user('20e')], 100)).toBe('20e')
  })

  it('keeps an answer that the chat begins with', () => {
    expect(cut([says('60a'), user('20b'), says('5c'), user('20d')], 100)).toBe('20b 5c 20d')
  })
})

const families: [string, ChatFamily, () => Promise<Pick<Tokenizer, 'encodePrompt'>>][] = [
  ['gemma4', FAMILIES.gemma4 as ChatFamily, () => loadTokenizer('test/fixtures/tokenizers/gemma4-tiny')],
  ['llama', FAMILIES.llama3 as ChatFamily, () => loadTokenizer('test/fixtures/tokenizers/llama3-tiny')],
]

describe.each(families)('prompts of %s:', (_, family, load) => {
  it('a conversation overflows rarely, and in between each prompt is a prefix of the next', async () => {
    const tokenizer = await load()
    const window = 6000
    for (const seed of [1, 2]) {
      const next = random(seed)
      const some = (most: number) => prose(Math.floor(next() * 1e6), 40 + Math.floor(next() * most))
      const messages = [system(some(2000)), user(some(400)), system(some(1000))]
      const tools = [{ name: 'Bash', description: some(300), schema: { type: 'object', properties: {} } }]
      let [overflows, before, total] = [0, [] as number[], 0]
      for (let turn = 0; turn < 60; turn++) {
        const chat = { messages, tools, thinking: false }
        const options = { family, tokenizer, window, begun: [], onOverflow: 'truncate' as const }
        const prompt = makePrompt(chat, options)
        const tokens = [...prompt.tokens]
        expect(tokens.length, `seed ${seed}, turn ${turn}`).toBeLessThan(window)
        if (tokens.slice(0, before.length).join() !== before.join()) {
          overflows++
          expect(before.length, 'there was no room for more').toBeGreaterThan(window - 1500)
          expect(tokens.length).toBeLessThanOrEqual(window * 0.75)
        }
        before = tokens
        total = tokens.length + (prompt.dropped?.tokens ?? 0)
        if (next() < 0.6) messages.push(calls(`${turn}`, some(200)), result(`${turn}`, some(1500)))
        else messages.push(says(some(600)), user(some(300)), ...(next() < 0.1 ? [system(some(100))] : []))
      }
      expect(total).toBeGreaterThan(2 * window)
      expect(overflows).toBeGreaterThan(2)
      expect(overflows).toBeLessThan(20)
    }
  })

  it('each text is encoded once, however many cuts are tried', async () => {
    const tokenizer = await load()
    const messages = Array.from({ length: 200 }, (_, i) => [user(prose(i, 500)), says(prose(1000 + i, 500))]).flat()
    const chat = { messages: [...messages, user('And now?')], tools: [], thinking: false }
    let encoded = 0
    const counting: Pick<Tokenizer, 'encodePrompt'> = {
      encodePrompt: (pieces) => {
        for (const piece of pieces) if (typeof piece === 'string') encoded += piece.length
        return tokenizer.encodePrompt(pieces)
      },
    }
    const options = { family, tokenizer: counting, window: 8000, begun: [], onOverflow: 'truncate' as const }
    const { pieces, tokens, dropped } = makePrompt(chat, options)
    expect(dropped?.messages).toBeGreaterThan(200)
    expect(encoded).toBeLessThan(200 * 1000 * 1.1)
    expect([...tokens]).toEqual([...tokenizer.encodePrompt(pieces)])
  })
})

describe('a message that does not fit', () => {
  const long = {
    max_tokens: 1000,
    messages: Array.from({ length: 21 }, (_, i) => ({
      role: i % 2 ? 'assistant' : 'user',
      content: `${i}:${'x'.repeat(20)}`,
    })),
  }

  async function answer(window: number, options: MessageOptions, more: Partial<TurnModel> = {}) {
    const engine = speaks('ok')
    engine.info.window = window
    const model = fakeTurnModel(engine, more)
    return { engine, model, message: await answerMessage(model, long, options) }
  }

  it('is an error unless the caller wants it truncated', async () => {
    await expect(answer(300, {})).rejects.toMatchObject({ code: 'prompt_too_long' })
    await expect(answer(300, { onOverflow: 'error' })).rejects.toMatchObject({ code: 'prompt_too_long' })
  })

  it('is answered from its last turns, with a report of what was dropped', async () => {
    const told: unknown[] = []
    const { engine, model, message } = await answer(300, {
      onOverflow: 'truncate',
      onDropped: (dropped) => told.push(dropped),
    })
    expect(engine.prompts[0]).toMatch(/^<turn>user 16:x+<end><turn>assistant 17:/)
    const { input_tokens } = message.usage
    expect(input_tokens).toBe(engine.requests[0]?.prompt.length)
    expect(told).toEqual([{ messages: 16, tokens: countMessageTokens(model, long) - input_tokens }])
    expect(engine.requests[0]?.maxTokens).toBe(300 - input_tokens)
  })

  it('is complete when it fits, without a report', async () => {
    const told: unknown[] = []
    const { engine } = await answer(5000, { onOverflow: 'truncate', onDropped: (dropped) => told.push(dropped) })
    expect(engine.prompts[0]).toContain('0:x')
    expect(told).toEqual([])
  })

  it('is an error when its last turn does not fit', async () => {
    await expect(answer(30, { onOverflow: 'truncate' })).rejects.toMatchObject({
      code: 'prompt_too_long',
      message: expect.stringMatching(/^prompt is too long: \d+ tokens > 29 maximum$/),
    })
  })

  it('counts the beginning of an answer that must be a call', async () => {
    const begun = [{ control: '<call>' }, 'x'.repeat(40)]
    const chat = { messages: [user('a'.repeat(60)), says('b'), user('c'.repeat(30))], tools: [], thinking: false }
    const options = {
      family: fakeFamily,
      tokenizer: fakeTurnModel(speaks()).tokenizer,
      begun,
      onOverflow: 'truncate' as const,
    }
    const { tokens, dropped } = makePrompt(chat, { ...options, window: 110 })
    expect(dropped?.messages).toBe(2)
    expect(tokens.length).toBeLessThan(110)
  })
})

it('a real conversation that outgrows its window reuses its prefix between two cuts', async () => {
  const model = await loadModel('demo/model', { maxContext: 1200 })
  const messages: MessageParam[] = []
  let [cuts, last, before] = [0, 0, 0]
  for (let turn = 0; turn < 30; turn++) {
    messages.push({ role: 'user', content: `${prose(turn, 200)} Say pineapple.` })
    let now = 0
    const options: MessageOptions = { onOverflow: 'truncate', onDropped: (dropped) => (now = dropped.messages) }
    const { content, usage } = await model.message({ max_tokens: 20, temperature: 0, messages }, options)
    if (now !== last) cuts++
    // All of the last prompt but its last token, which is computed anew.
    else expect(usage.cache_read_input_tokens, `turn ${turn}`).toBeGreaterThanOrEqual(Math.max(0, before - 1))
    last = now
    before = promptTokens(usage)
    expect(before).toBeLessThan(1200)
    messages.push({ role: 'assistant', content })
  }
  await model.close()
  expect(cuts).toBeGreaterThan(2)
  expect(cuts).toBeLessThan(12)
})
