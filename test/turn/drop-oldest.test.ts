/** Dropping the oldest turns takes time that grows with the chat, however many requests have to be replayed. */
import { expect, it } from 'vitest'
import type { ChatMessage } from '../../src/chat/types.js'
import { dropOldest } from '../../src/turn/drop-oldest.js'

const chat = (roles: ChatMessage['role'][], count: number) => ({
  messages: Array.from({ length: count }, (_, i) => ({
    role: roles[i % roles.length] as ChatMessage['role'],
    parts: [{ type: 'text' as const, text: `${i}` }],
  })),
  tools: [],
  thinking: false,
})

/** Five tokens a message, and room for 200. -> processor time, messages that were counted, and what is left */
function drop(roles: ChatMessage['role'][], count: number) {
  const whole = chat(roles, count)
  let counted = 0
  const before = process.cpuUsage()
  const kept = dropOldest(whole, 1000, ({ messages }) => {
    counted += messages.length
    return 5 * messages.length
  })
  return { ms: process.cpuUsage(before).user / 1000, counted, kept }
}

it('of many turns', () => {
  drop(['user', 'assistant'], 1001)
  let least = Number.POSITIVE_INFINITY
  for (let tries = 0; tries < 3 && least > 16; tries++) {
    const [few, many] = [drop(['user', 'assistant'], 10_001), drop(['user', 'assistant'], 80_001)]
    expect(many.counted / few.counted).toBeLessThan(9)
    expect(many.kept?.messages.at(-1)).toMatchObject({ parts: [{ text: '80000' }] })
    least = Math.min(least, many.ms / few.ms)
  }
  expect(least).toBeLessThan(16)
})

it('of turns with more system messages than there is room for', () => {
  const roles = ['user', 'assistant', 'system', 'user'] as const
  const [few, many] = [drop([...roles], 2001), drop([...roles], 8001)]
  expect([few.kept, many.kept]).toEqual([undefined, undefined])
  expect(many.counted / few.counted).toBeLessThan(5)
})
