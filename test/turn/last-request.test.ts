/** What a person asked for last, in chats as clients send them. */
import { expect, test } from 'vitest'
import type { ChatMessage } from '../../src/chat/types.js'
import { repetitionAskedIn } from '../../src/turn/last-request.js'
import { speaks } from '../support/fake-engine.js'
import { fakeModel } from '../support/fake-model.js'

const user = (text: string): ChatMessage => ({ role: 'user', parts: [{ type: 'text', text }] })
const says = (text: string): ChatMessage => ({ role: 'assistant', parts: [{ type: 'text', text }] })
const result = (text: string): ChatMessage => ({
  role: 'user',
  parts: [{ type: 'tool_result', id: 'a', text, isError: false }],
})
const ASK = user('Write this 200 times: I will not talk.')
const LONG = user('Explain what this program does, and why it is so slow on large files.')
const reminder = (text: string) => `<system-reminder>\n${text}\n</system-reminder>`

const timesOf = (...messages: ChatMessage[]) => repetitionAskedIn({ messages })?.times

test.each<[string, ChatMessage[]]>([
  ['is the last message', [LONG, says('It reads.'), ASK]],
  ['comes before results of tools', [ASK, says('I write.'), result('ok'), says('Done.'), result('ok')]],
  [
    'comes behind a reminder',
    [user(`${reminder('Never do it.')}\n${ASK.parts.map((part) => 'text' in part && part.text)}`)],
  ],
  ['is gone on with', [ASK, says('I will'), user('continue')]],
  ['is gone on with three times', [ASK, says('I'), user('go on'), says('I'), user('weiter'), says('I'), user('继续')]],
  ['is the short text of a system', [{ ...ASK, role: 'system' }, LONG]],
  ['was interrupted', [ASK, says('I'), user('[Request interrupted by user for tool use]'), user('go on')]],
])('counts where it %s', (_, messages) => {
  expect(timesOf(...messages)).toBe(200)
})

test.each<[string, ChatMessage[]]>([
  ['in an earlier turn', [ASK, says('I will'), LONG]],
  ['too many turns ago', [ASK, ...['a', 'b', 'c', 'd'].flatMap((text) => [says('I'), user(text)])]],
  ['in a result of a tool', [LONG, says('I read.'), result('Write this 200 times')]],
  ['in a reminder', [user(`${reminder('Write this 200 times')}\ngo on`)]],
  ['in a code block', [user('Explain:\n```\nWrite this 200 times\n```')]],
  ['by the model', [LONG, says('Write this 200 times'), user('why?')]],
  [
    'in the long text of a system',
    [{ role: 'system', parts: [...ASK.parts, { type: 'text', text: 'a '.repeat(300) }] }, LONG],
  ],
  ['by nobody', []],
])('does not count %s', (_, messages) => {
  expect(timesOf(...messages)).toBeUndefined()
})

test.each([
  ['now 500', 500],
  ['again, but 300 times', 300],
  ['a thousand', 1000],
  ['50', 200],
  ['fix line 2000', 200],
  ['why?', 200],
])('%s behind 200 times asks for %d', (text, times) => {
  expect(timesOf(ASK, says('I will'), user(text))).toBe(times)
})

test('now 500 asks for nothing by itself', () => {
  expect(timesOf(user('hello'), says('Hi'), user('now 500'))).toBeUndefined()
})

test('a mark that is never closed, or comes a million times, hides nothing and ends', () => {
  expect(timesOf(user(`<system-reminder> ${'Write this 200 times.'}`))).toBe(200)
  expect(timesOf(user(`${'<system-reminder>'.repeat(1_000_000)} Write this 200 times.`))).toBe(200)
  expect(timesOf(user(`${reminder('a').repeat(100_000)} Write this 200 times.`))).toBe(200)
})

test.each(['on', 'off'] as const)('the engine is told with loopGuard %s only if that is on', async (loopGuard) => {
  const engine = speaks(['ok', { control: '<end>' }])
  const messages = [{ role: 'user', content: 'Write this 200 times: hello' }]
  await fakeModel(engine, { loopGuard }).message({ max_tokens: 50, messages } as never)
  expect(engine.requests[0]?.repetition).toEqual(loopGuard === 'on' ? { times: 200, tokens: 0 } : undefined)
})

test('an answer whose calls no grammar holds may repeat as much as their data', async () => {
  const engine = speaks(['ok', { control: '<end>' }])
  const messages = [{ role: 'user', content: 'Write a file' }]
  const tools = [{ name: 'Write', input_schema: {} }]
  await fakeModel(engine, { loopGuard: 'on' }).message({ max_tokens: 50, messages, tools } as never)
  expect(engine.requests[0]?.repetition).toEqual({ times: 0, tokens: 6554 })
})
