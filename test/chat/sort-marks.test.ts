/** Long runs of combining marks: their normal forms stay the same, and do not take the square of their length. */
import { expect, test } from 'vitest'
import { readNormalizer } from '../../src/chat/tokenizer/normalizer.js'
import { sortMarks } from '../../src/chat/tokenizer/sort-marks.js'
import { seeded } from '../support/chat-random.js'
import { cpuTime } from '../support/cpu-time.js'

// Of many classes; some decompose, and U+0903, U+09BE and U+20DD do not move.
const MARKS =
  '\u0300\u0301\u0316\u0323\u0327\u0328\u0334\u0344\u0345\u0483\u0591\u05b0\u0651\u093c\u094d\u0903\u09be\u0f71\u0f73\u0f81\u20dd\u3099\u{1d165}\u{1e94a}'

test('the normal forms of a run of marks are those of the run as it was', () => {
  const random = seeded(8)
  const marks = [...MARKS]
  for (let i = 0; i < 300; i += 1) {
    const run = Array.from({ length: 64 + random.below(80) }, () => random.pick(marks)).join('')
    const text = `${random.pick(['a', 'é', 'か', '', '\u1100\u1161'])}${run}b${run.slice(0, 10)}`
    const sorted = sortMarks(text)
    for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD'] as const) {
      expect(sorted.normalize(form), JSON.stringify(text)).toBe(text.normalize(form))
    }
  }
})

test('a text without a long run of marks stays as it is', () => {
  for (const text of ['', 'naïve', `a${'\u0316\u0301'.repeat(20)}`]) expect(sortMarks(text)).toBe(text)
})

test.each(['NFC', 'NFD', 'NFKC', 'NFKD'])('%s of many marks is found in about linear time', (type) => {
  const { normalize } = readNormalizer({ type }, (what) => {
    throw new Error(what)
  })
  const time = (length: number) => {
    const text = `a${'\u0301'.repeat(length)}${'\u0316'.repeat(length)}`
    const started = cpuTime()
    normalize(text)
    return cpuTime() - started
  }
  time(1000)
  // On a busy machine some measurements are wrong, but not all of them.
  let least = Number.POSITIVE_INFINITY
  for (let tries = 0; tries < 5 && least > 25; tries += 1)
    least = Math.min(least, time(32_000) / Math.max(1, time(4000)))
  expect(least).toBeLessThanOrEqual(25)
})
