/** Where a prompt's beginning ends that other conversations share. */
import { describe, expect, it } from 'vitest'
import type { Chat, ChatMessage, ChatPart, PromptPiece } from '../../src/chat/types.js'
import { likelyForks } from '../../src/turn/forks.js'
import { fakeFamily } from '../support/fake-family.js'
import { fakeTokenizer } from '../support/fake-tokenizer.js'

const tokenizer = fakeTokenizer()
const rules = 'rule '.repeat(200)
const project = 'note '.repeat(100)

function chatOf(parts: string[], { system = rules, more = [] as ChatMessage[] } = {}): Chat {
  const question: ChatMessage = { role: 'user', parts: parts.map((text) => ({ type: 'text', text })) }
  const messages: ChatMessage[] = [{ role: 'system', parts: [{ type: 'text', text: system }] }, question, ...more]
  return { messages, tools: [], thinking: false }
}

/** A family that counts its prompts. */
function writer(render: (chat: Chat) => PromptPiece[] = (chat) => fakeFamily.render(chat)) {
  const made: Chat[] = []
  const family = {
    ...fakeFamily,
    render(chat: Chat) {
      made.push(chat)
      return render(chat)
    },
  }
  const forksOf = (chat: Chat) => [...likelyForks({ family, tokenizer }, chat, tokensOf(chat))]
  return { made, forksOf }
}

const tokensOf = (chat: Chat) => tokenizer.encodePrompt(fakeFamily.render(chat))
const beginning = (chat: Chat, length: number) => tokenizer.decode(tokensOf(chat).subarray(0, length))

describe('likely forks', () => {
  it('are after the system text, and after what precedes the question', () => {
    const chat = chatOf([project, 'What is new?'])
    const [first, second] = writer().forksOf(chat) as [number, number]
    expect(beginning(chat, first)).toBe(`<turn>system ${rules}<end><turn>user `)
    expect(beginning(chat, second).endsWith(project)).toBe(true)
  })

  it('are in the middle of a text whose beginning came in a block of its own', () => {
    const chat = chatOf([`${project}What is new?`])
    const [text] = chat.messages[1]?.parts ?? []
    const parted = { ...text, before: project.length } as ChatPart
    const messages = [chat.messages[0] as ChatMessage, { role: 'user' as const, parts: [parted] }]
    expect(writer().forksOf({ ...chat, messages })).toEqual(writer().forksOf(chatOf([project, 'What is new?'])))
  })

  it('is one where the question is all that a user says', () => {
    expect(writer().forksOf(chatOf(['What is new?']))).toHaveLength(1)
  })

  it('stay the same in later turns, and for other questions, without a second rendering', () => {
    const { made, forksOf } = writer()
    const first = forksOf(chatOf([project, 'What is new?']))
    const rendered = made.length
    const answer: ChatMessage = { role: 'assistant', parts: [{ type: 'text', text: 'Nothing.' }] }
    const again: ChatMessage = { role: 'user', parts: [{ type: 'text', text: 'Sure?' }] }
    expect(forksOf(chatOf([project, 'What is new?'], { more: [answer, again] }))).toEqual(first)
    expect(forksOf(chatOf([project, 'Why?']))).toEqual(first)
    expect(made.length).toBe(rendered)
  })

  it.each<[string, Chat]>([
    ['a short prompt', chatOf(['hi'], { system: 'be brief' })],
    ['a chat that begins with an answer', { ...chatOf([]), messages: [{ role: 'assistant', parts: [] }] }],
    ['a chat without messages', { ...chatOf([]), messages: [] }],
  ])('are none in %s', (_, chat) => {
    expect(writer().forksOf(chat)).toEqual([])
  })

  it('are none where the template refuses another question', () => {
    const refuses = () => {
      throw new Error('roles must alternate')
    }
    expect(writer(refuses).forksOf(chatOf(['What is new?']))).toEqual([])
  })

  it('are remembered of a few beginnings only', () => {
    const { made, forksOf } = writer()
    for (let i = 0; i < 40; i++) forksOf(chatOf(['hi'], { system: `${i} ${rules}` }))
    forksOf(chatOf(['hi'], { system: `0 ${rules}` }))
    forksOf(chatOf(['hi'], { system: `39 ${rules}` }))
    expect(made.length).toBe(41)
  })
})
