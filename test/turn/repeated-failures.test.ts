/** The remark behind the result of a call that fails again and again. */
import { describe, expect, test } from 'vitest'
import type { Chat, ChatMessage, JsonObject } from '../../src/chat/types.js'
import { REMARK, remarkRepeatedFailures } from '../../src/turn/repeated-failures.js'
import { speaks } from '../support/fake-engine.js'
import { fakeModel } from '../support/fake-model.js'

const END = { control: '<end>' }

interface Try {
  name?: string
  input?: JsonObject
  result?: string
  isError?: boolean
}

/** A call and its result, in a turn each. */
function turns(tries: Try[]): Chat {
  const messages = tries.flatMap(
    ({ name = 'Bash', input = { command: 'make' }, result = 'no rule', ...rest }, i): ChatMessage[] => [
      { role: 'assistant', parts: [{ type: 'tool_call', id: `call ${i}`, name, input }] },
      {
        role: 'user',
        parts: [
          { type: 'tool_result', id: `call ${i}`, text: result, isError: 'isError' in rest ? rest.isError : true },
        ],
      },
    ],
  )
  return {
    messages: [{ role: 'user', parts: [{ type: 'text', text: 'go' }] }, ...messages],
    tools: [],
    thinking: false,
  }
}

const remarked = (chat: Chat) =>
  chat.messages.flatMap(({ parts }) => parts.filter((part) => 'text' in part && part.text.includes(REMARK)))
const times = (count: number, one: Try = {}) => Array.from({ length: count }, () => one)
/** How many remarks each prompt of the growing conversation has. */
const counts = (tries: Try[]) =>
  tries.map((_, i) => remarked(remarkRepeatedFailures(turns(tries.slice(0, i + 1)))).length)

describe('a call that has failed in the same way three times', () => {
  test('gets a remark behind its next failure, once, which stays there', () => {
    expect(counts(times(7))).toEqual([0, 0, 0, 1, 1, 1, 1])
    const [first, later] = [5, 7].map((count) => remarkRepeatedFailures(turns(times(count))))
    expect(later?.messages.slice(0, first?.messages.length)).toEqual(first?.messages)
    expect(remarked(later as Chat)).toEqual([
      { type: 'tool_result', id: 'call 3', text: `no rule\n\n${REMARK}`, isError: true },
    ])
  })

  test('is the same with its keys in another order, and with other calls between', () => {
    const inputs = [
      { a: 1, b: { c: [2], d: null } },
      { b: { d: null, c: [2] }, a: 1 },
    ]
    const tries = [0, 1, 0, 1].flatMap((i) => [{ input: inputs[i] as JsonObject }, { name: 'Read', isError: false }])
    expect(counts(tries).at(-1)).toBe(1)
  })

  test.each<[string, (run: number) => Try]>([
    ['times', (run) => ({ result: `2026-01-01T00:00:0${run}Z failed after ${run}.5 s` })],
    ['process numbers', (run) => ({ result: `make[${40 + run}]: no rule, pid ${900 + run}` })],
    ['addresses and ids', (run) => ({ result: `fault at 0x7f${run}, request_id: "ab12cd3${run}"` })],
    ['white space', (run) => ({ result: `no${' '.repeat(run + 1)}rule` })],
    ['no mark, but a code', (run) => ({ isError: undefined, result: `Exit code: 2\nWall time: 0.${run} seconds` })],
    ['no mark, but a word', () => ({ isError: undefined, result: 'Error: no such file' })],
    ['another failure between', (run) => ({ result: run % 2 === 0 ? 'no rule' : 'no file' })],
  ])('is known by results with %s', (_, one) => {
    const tries = Array.from({ length: 7 }, (_, run) => one(run))
    expect(remarked(remarkRepeatedFailures(turns(tries)))).toHaveLength(1)
  })

  test.each<[string, Try[]]>([
    ['that makes progress', [5, 4, 3, 2, 1].map((left) => ({ result: `${left} tests failed` }))],
    ['that fails in other lines', [1, 2, 3, 4].map((line) => ({ result: `a.c:${line}: error` }))],
    ['without a mark, whose results are no failures', times(9, { isError: undefined, result: 'x = 1' })],
    ['marked as no failure, whatever it says', times(9, { isError: false, result: 'Error: no such file' })],
    ['that works now', [...times(3), { isError: false }]],
    ['that has worked meanwhile', [...times(2), { isError: false }, ...times(2)]],
    ['that fails in another way', [...times(3), { result: 'no such file' }]],
    ['with other arguments', [...times(3), { input: { command: 'make all' } }]],
    ['of another tool', [...times(3), { name: 'Shell' }]],
    ['that always works with the same result', times(9, { isError: false })],
    ['with lists in another order', [1, 2, 1, 2].map((i) => ({ input: { list: [i, 3 - i] } }))],
  ])('gets none for one %s', (_, tries) => {
    const chat = turns(tries)
    expect(remarkRepeatedFailures(chat)).toBe(chat)
  })

  test('gets none for results that answer no call', () => {
    const { messages, ...rest } = turns(times(9))
    const chat = { ...rest, messages: messages.filter(({ role }) => role === 'user') }
    expect(remarkRepeatedFailures(chat)).toBe(chat)
  })
})

test.each(['on', 'off'] as const)('is in the prompt with loopGuard %s only if that is on', async (loopGuard) => {
  const engine = speaks(['ok', END])
  const model = fakeModel(engine, { loopGuard })
  const messages = [{ role: 'user', content: 'go' }, ...times(4).flatMap((_, i) => failing(i))]
  await model.message({ max_tokens: 50, tools: [{ name: 'Bash', input_schema: {} }], messages } as never)
  expect(engine.prompts[0]?.split(REMARK).length).toBe(loopGuard === 'on' ? 2 : 1)
})

function failing(i: number): object[] {
  const id = `toolu_${i}`
  return [
    { role: 'assistant', content: [{ type: 'tool_use', id, name: 'Bash', input: { command: 'make' } }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'no rule', is_error: true }] },
  ]
}
