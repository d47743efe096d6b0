/** Patterns of tokenizer.json: what they match is what regular expressions match, and no pattern takes long. */
import { describe, expect, test } from 'vitest'
import { readPattern } from '../../src/chat/tokenizer/pattern.js'
import { cut, matches } from '../../src/chat/tokenizer/split.js'
import { type Random, seeded } from '../support/chat-random.js'
import { cpuTime } from '../support/cpu-time.js'

const fail = (what: string): never => {
  throw new Error(what)
}
const pattern = (source: string) => readPattern({ Regex: source }, fail)
const found = (source: string, text: string) =>
  Array.from(matches(text, pattern(source)), ([start, end]) => text.slice(start, end))

/** A random pattern that means the same here and in JavaScript, and repeats nothing that may be empty. */
function randomPattern(random: Random, depth: number): { source: string; isEmpty: boolean } {
  const one = () => ({ source: random.pick(['a', 'b', 'c', '[ab]', '[^a]', 'é', '😀', '\\n', '-']), isEmpty: false })
  if (depth === 0) return one()
  const inner = () => randomPattern(random, depth - 1)
  const kind = random.below(10)
  if (kind < 2) return one()
  if (kind < 5) {
    const parts = [inner(), inner(), inner()].slice(random.below(2))
    return { source: parts.map(({ source }) => source).join(''), isEmpty: parts.every(({ isEmpty }) => isEmpty) }
  }
  if (kind < 7) {
    const parts = [inner(), inner()]
    return {
      source: `(?:${parts.map(({ source }) => source).join('|')})`,
      isEmpty: parts.some(({ isEmpty }) => isEmpty),
    }
  }
  const item = inner()
  // Of what may be empty JavaScript takes something, and Oniguruma nothing.
  if (kind > 7 && item.isEmpty) return item
  if (kind === 7) return { source: `(?${random.pick(['=', '!', '<=', '<!'])}${item.source})`, isEmpty: true }
  const bounds = random.pick(['*', '+', '?', '{2}', '{1,3}', '{1,}'])
  const lazy = random.chance(0.3) ? '?' : ''
  return { source: `(?:${item.source})${bounds}${lazy}`, isEmpty: /^[*?]/.test(bounds) }
}

test('a pattern matches what a regular expression of JavaScript matches, leftmost and first', () => {
  const random = seeded(5)
  let matched = 0
  for (let i = 0; i < 4000; i += 1) {
    const { source } = randomPattern(random, 4)
    const ours = pattern(source)
    for (let j = 0; j < 5; j += 1) {
      const text = Array.from({ length: random.below(14) }, () => random.pick(['a', 'b', 'c', 'é', '😀', '\n', '-']))
        .join('')
        .toWellFormed()
      const native = new RegExp(source, 'gu').exec(text)
      // JavaScript also finds nothing between the halves of a character.
      if (native && /[\udc00-\udfff]/.test(text[native.index] ?? '')) continue
      const match = ours(text)(0)
      const expected = native ? [native.index, native.index + native[0].length] : undefined
      expect(match, `${source} in ${JSON.stringify(text)}`).toEqual(expected)
      if (match) matched += 1
    }
  }
  expect(matched).toBeGreaterThan(5000)
})

test('all matches in one text are found as in a text that begins there, whatever was tried before', () => {
  const random = seeded(6)
  for (let i = 0; i < 3000; i += 1) {
    const { source } = randomPattern(random, 3)
    const text = Array.from({ length: 40 }, () => random.pick(['a', 'b', 'c', '-'])).join('')
    const native = [...text.matchAll(new RegExp(source, 'gu'))].filter(([all]) => all !== '')
    const ours = found(source, text).filter((all) => all !== '')
    // Both go on differently after a match of nothing, so only patterns without one compare.
    if (new RegExp(source, 'u').test('')) continue
    expect(ours.join('|'), source).toBe(native.map(([all]) => all).join('|'))
  }
})

test.each([
  ['A|b', 'Ab', ['A', 'b']],
  ['(?i)ks', 'KS ks \u212a\u017f Ks', ['KS', 'ks', '\u212a\u017f', 'Ks']],
  ["(?i:'s)|t", "'S t T", ["'S", 't']],
  ['^.+$', 'one\ntwo', ['one', 'two']],
  ['[\\]\\-a]+', 'a-]b', ['a-]']],
  ['\\p{^L}+', 'a1 b', ['1 ']],
  ['a{2,3}?', 'aaaaa', ['aa', 'aa']],
  ['(?<=\\n)x', 'x\nx', ['x']],
  [' {2,}', 'a  b c   d', ['  ', '   ']],
])('%s finds its matches as Oniguruma does', (source, text, words) => {
  expect(found(source, text)).toEqual(words)
})

describe.each([
  '(a+)+$',
  '(a|aa)+$',
  '(a|a)*b',
  '(?:a*a*)?a*a*a*b',
  '(?=.*x)a',
  '(?<=x.*)a',
  '(?=(?=.*b).*c)a',
  '(?:(?:a{1,5}){1,5}){1,5}b',
  '(?:a|b|ab|ba)+?c',
  '(?!.*b.*c.*d)ab',
])('%s', (source) => {
  test('takes about eight times as long for a text eight times as long', () => {
    const ours = pattern(source)
    const time = (length: number) => {
      const text = `${'a'.repeat(length)}!`
      const started = cpuTime()
      cut(text, ours, false)
      return cpuTime() - started
    }
    time(2000)
    // On a busy machine some measurements are wrong, but not all of them.
    let least = Number.POSITIVE_INFINITY
    for (let tries = 0; tries < 5 && least > 25; tries += 1)
      least = Math.min(least, time(16_000) / Math.max(1, time(2000)))
    expect(least).toBeLessThanOrEqual(25)
  })
})

test.each([
  ['(((', 'not closed'],
  ['a)', 'too many'],
  ['[a', 'not closed'],
  ['(a*)*', 'may be empty'],
  ['(?:a?){2,}', 'may be empty'],
  ['a++', 'possessive'],
  ['(?>a)', 'unknown kind'],
  ['(?m:a)', 'flags m'],
  ['(a)\\1', '\\1'],
  ['\\bx', '\\b'],
  ['a{2000}', '2000 times'],
  ['((a{100}){100}){100}', 'steps'],
  ['('.repeat(60), 'levels deep'],
  ['[a[b]]', 'class in a class'],
  ['[b-a]', 'out of order'],
  ['*a', 'repeats nothing'],
  ['a'.repeat(5000), 'characters'],
])('%s is refused with why', (source, why) => {
  expect(() => pattern(source)).toThrow(why)
})
