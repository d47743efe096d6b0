/** Requests become chats that say the same. */
import { expect, it } from 'vitest'
import { parseMessagesRequest } from '../../src/anthropic/parse.js'
import { prepareMessage } from '../../src/anthropic/prepare.js'
import { toChat } from '../../src/anthropic/to-turn.js'
import { prompterOf } from '../../src/turn/answer-turn.js'
import { speaks } from '../support/fake-engine.js'
import { fakeTurnModel } from '../support/fake-model.js'
import { fakeTokenizer } from '../support/fake-tokenizer.js'

const chat = (fields: object) =>
  toChat(parseMessagesRequest({ model: 'm', max_tokens: 1, messages: [{ role: 'user', content: 'hi' }], ...fields }))
const text = (text: string) => ({ type: 'text', text })

it('system blocks become one text, first in the chat', () => {
  expect(chat({ system: [text('a'), text('b')] }).messages).toEqual([
    { role: 'system', parts: [text('a\nb')] },
    { role: 'user', parts: [text('hi')] },
  ])
})

it('a string and a list of one text make the same chat', () => {
  expect(chat({ messages: [{ role: 'user', content: [text('hi')] }] })).toEqual(chat({}))
})

it('a user’s texts are joined, the model’s own stay separate', () => {
  const messages = [
    { role: 'user', content: [text('a'), text('b')] },
    { role: 'assistant', content: [text('c'), text('d')] },
    { role: 'system', content: [text('e'), text('f')] },
  ]
  expect(chat({ messages }).messages).toEqual([
    { role: 'user', parts: [{ ...text('a\nb'), before: 2 }] },
    { role: 'assistant', parts: [text('c'), text('d')] },
    { role: 'system', parts: [text('e\nf')] },
  ])
})

it.each<[string, unknown[], number | undefined]>([
  ['three blocks', [text('a'), text('b'), text('the question')], 4],
  ['one block', [text('the question')], undefined],
  ['an empty last block', [text('a'), text('')], undefined],
])('of the first question, what came in blocks before the last is noted: %s', (_, content, before) => {
  const messages = [
    { role: 'user', content },
    { role: 'user', content: 'and then?' },
  ]
  const first = chat({ messages: [messages[0], { role: 'assistant', content: 'Yes.' }, messages[1]] }).messages
  expect(first[0]?.parts[0]).toMatchObject(before === undefined ? {} : { before })
  expect('before' in (first[0]?.parts[0] ?? {})).toBe(before !== undefined)
  expect(first[2]?.parts).toEqual([text('and then?')])
  // Joined, the question no longer ends the text.
  expect(chat({ messages }).messages[0]?.parts[0]).not.toHaveProperty('before')
})

it('neighbouring messages of one role become one, with tool results first', () => {
  const messages = [
    { role: 'user', content: 'go' },
    { role: 'assistant', content: [{ type: 'tool_use', id: '1', name: 'A', input: { x: 1 } }] },
    { role: 'assistant', content: [{ type: 'tool_use', id: '2', name: 'B', input: {} }] },
    { role: 'user', content: [text('look'), { type: 'tool_result', tool_use_id: '2', content: 'two' }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: '1', content: [], is_error: true }] },
  ]
  expect(chat({ messages }).messages.slice(1)).toEqual([
    {
      role: 'assistant',
      parts: [
        { type: 'tool_call', id: '1', name: 'A', input: { x: 1 } },
        { type: 'tool_call', id: '2', name: 'B', input: {} },
      ],
    },
    {
      role: 'user',
      parts: [
        { type: 'tool_result', id: '2', text: 'two', isError: false },
        { type: 'tool_result', id: '1', text: '', isError: true },
        text('look'),
      ],
    },
  ])
})

it('what the model cannot see becomes a short text in its place', () => {
  const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'A'.repeat(16_000) } }
  const pdf = { type: 'document', title: 'a.pdf', source: { type: 'base64', media_type: 'application/pdf', data: '' } }
  const messages = [
    { role: 'user', content: [text('see'), image, pdf, { type: 'new_kind' }] },
    { role: 'assistant', content: 'ok' },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: '1', content: [text('shot:'), image] }] },
  ]
  const [first, , last] = chat({ messages }).messages
  const seen = '[image/png image, 12 kB: this model cannot see images]'
  const unread = '[application/pdf document "a.pdf": this model cannot read document blocks]'
  expect(first?.parts).toEqual([text(`see\n${seen}\n${unread}\n[new_kind: this model cannot read new_kind blocks]`)])
  expect(last?.parts[0]).toMatchObject({ text: `shot:\n${seen}` })
})

it('thinking is kept, empty messages are dropped', () => {
  const messages = [
    { role: 'user', content: 'a' },
    { role: 'assistant', content: [{ type: 'thinking', thinking: 'hm', signature: 's' }, text('b')] },
    { role: 'user', content: '' },
    { role: 'assistant', content: [] },
    { role: 'system', content: '' },
  ]
  expect(chat({ messages }).messages).toEqual([
    { role: 'user', parts: [text('a')] },
    { role: 'assistant', parts: [{ type: 'thinking', text: 'hm' }, text('b')] },
    { role: 'user', parts: [text('')] },
  ])
})

const tool = (name: string, more = {}) => ({ name, description: `${name}!`, input_schema: { type: 'object' }, ...more })

it('a deferred tool is shown where it is referenced, and not before', () => {
  const messages = [
    { role: 'user', content: 'a' },
    { role: 'assistant', content: [{ type: 'tool_use', id: '1', name: 'ToolSearch', input: {} }] },
    {
      role: 'user',
      content: [
        {
          type: 'tool_result',
          tool_use_id: '1',
          content: [
            { type: 'tool_reference', tool_name: 'Grep' },
            { type: 'tool_reference', tool_name: 'Gone' },
          ],
        },
      ],
    },
  ]
  const tools = [tool('Read'), tool('Glob', { defer_loading: true }), tool('Grep', { defer_loading: true })]
  const loaded = chat({ messages, tools })
  expect(loaded.tools.map((t) => t.name)).toEqual(['Read'])
  expect(loaded.deferred?.map((t) => t.name)).toEqual(['Grep'])
  expect(loaded.messages.at(-1)?.parts[0]).toMatchObject({
    text: 'Tool Grep is now available:\n{"name":"Grep","description":"Grep!","input_schema":{"type":"object"}}\n[tool Gone: not available]',
  })
})

it('tool_choice none shows the model no tools', () => {
  const prompt = (tool_choice: object) => {
    const asked = { max_tokens: 1, messages: [{ role: 'user', content: 'hi' }], tools: [tool('Read')], tool_choice }
    const { tokens, record } = prepareMessage(prompterOf(fakeTurnModel(speaks())), asked)
    return { text: fakeTokenizer().decode(tokens), tools: record.tools }
  }
  // The reader of the answer knows them: a call that is written all the same is told from other text.
  expect(prompt({ type: 'none' })).toMatchObject({
    text: '<turn>user hi<end><turn>assistant ',
    tools: [{ name: 'Read' }],
  })
  expect(prompt({ type: 'auto' }).text).toMatch(/^tool Read\n/)
  expect(chat({ tools: [tool('Read')], tool_choice: { type: 'any' } }).tools).toEqual([
    { name: 'Read', description: 'Read!', schema: { type: 'object' } },
  ])
})
