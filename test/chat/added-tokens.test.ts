/** Added tokens are found leftmost and longest, in time that grows with the text and not with the tokens. */
import { expect, test } from 'vitest'
import { makeFinder } from '../../src/chat/tokenizer/added-tokens.js'
import type { AddedTokenEntry } from '../../src/chat/tokenizer/file.js'
import { seeded } from '../support/chat-random.js'
import { cpuTime } from '../support/cpu-time.js'

const tokens = (...contents: string[]): AddedTokenEntry[] => contents.map((content, id) => ({ id, content }))

/** By trying every token at every place. */
function slowly(list: AddedTokenEntry[], text: string): (string | number)[] {
  const found: (string | number)[] = []
  let done = 0
  for (let at = 0; at < text.length; ) {
    const here = list.filter(({ content }) => text.startsWith(content, at))
    const longest = here.toSorted((a, b) => b.content.length - a.content.length)[0]
    if (!longest) {
      at += 1
      continue
    }
    if (at > done) found.push(text.slice(done, at))
    found.push(longest.id)
    at += longest.content.length
    done = at
  }
  if (done < text.length) found.push(text.slice(done))
  return found
}

test('finds what trying every token at every place finds', () => {
  const random = seeded(3)
  const word = (most: number) =>
    Array.from({ length: 1 + random.below(most) }, () => random.pick(['a', 'b', '😀'])).join('')
  for (let i = 0; i < 2000; i += 1) {
    const list = tokens(...new Set(Array.from({ length: 1 + random.below(6) }, () => word(4))))
    const text = word(20)
    expect(makeFinder(list).find(text), JSON.stringify([list, text])).toEqual(slowly(list, text))
  }
})

test.each([
  ['a token that is nearly everywhere', tokens(`${'a'.repeat(50_000)}b`, 'a'), 'a'],
  [
    'a token nested in itself',
    tokens(...Array.from({ length: 400 }, (_, i) => 'a'.repeat(i + 1)), 'ab'.repeat(9)),
    'a',
  ],
  ['a space that takes the spaces before it', [{ id: 0, content: ' ', lstrip: true }], ' '],
  ['a space that takes the spaces after it', [{ id: 0, content: ' ', rstrip: true }], ' '],
])('%s does not make a long text slow', (_, list, unit) => {
  const finder = makeFinder(list)
  const time = (length: number) => {
    const text = unit.repeat(length)
    const started = cpuTime()
    finder.find(text)
    return cpuTime() - started
  }
  time(1000)
  // On a busy machine some measurements are wrong, but not all of them.
  let least = Number.POSITIVE_INFINITY
  for (let tries = 0; tries < 5 && least > 25; tries += 1)
    least = Math.min(least, time(160_000) / Math.max(1, time(20_000)))
  expect(least).toBeLessThanOrEqual(25)
})
