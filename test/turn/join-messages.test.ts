/** Messages and texts are joined in time that grows with their number alone. */
import { expect, it } from 'vitest'
import type { ChatMessage } from '../../src/chat/types.js'
import { joinMessages } from '../../src/turn/join-messages.js'
import { joinLines } from '../../src/turn/text-lines.js'

it.each([
  [[], ''],
  [['', 'a'], 'a'],
  [['a', ''], 'a\n'],
  [['a', '', 'b'], 'a\nb'],
  [['a\n', 'b', '\n', 'c'], 'a\nb\n\nc'],
])('%j become lines', (texts, all) => {
  expect(joinLines(texts)).toBe(all)
})

// One after the other, with the text so far copied each time, these take minutes.
it('joins 300,000 messages of one role', () => {
  const messages = Array.from(
    { length: 300_000 },
    (): ChatMessage => ({ role: 'user', parts: [{ type: 'text', text: 'line' }] }),
  )
  const [joined, ...others] = joinMessages(messages, { joinSystem: false })
  expect(others).toEqual([])
  expect(joined?.parts).toHaveLength(1)
  expect(messages[0]?.parts).toHaveLength(1)
})
