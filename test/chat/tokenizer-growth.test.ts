/** A tokenizer's file cannot make much of a little text, nor loop over nothing. */
import { expect, test } from 'vitest'
import { readDecoder } from '../../src/chat/tokenizer/decoder.js'
import type { Step } from '../../src/chat/tokenizer/file.js'
import { readNormalizer } from '../../src/chat/tokenizer/normalizer.js'
import { readPreTokenizer } from '../../src/chat/tokenizer/pre-tokenizer.js'

const fail = (what: string): never => {
  throw new Error(what)
}
const replace = (pattern: object, content: string): Step => ({ type: 'Replace', pattern, content })
const sequence = (normalizers: Step[]): Step => ({ type: 'Sequence', normalizers })

test.each([
  ['thirty replacements', sequence(Array(30).fill(replace({ String: 'a' }, 'aaaa')))],
  ['sequences in sequences', sequence(Array(9).fill(sequence(Array(9).fill(replace({ Regex: 'a' }, 'aa')))))],
  ['a long replacement', replace({ String: 'a' }, 'b'.repeat(60))],
  ['a replacement of nothing', replace({ Regex: '' }, 'b'.repeat(60))],
])('%s that grow a text are stopped', (_, step) => {
  const { normalize } = readNormalizer(step, fail)
  expect(() => normalize('a'.repeat(10_000))).toThrow("this model's tokenizer makes too much of a text")
})

test('what Unicode itself makes of a text is no growth', () => {
  expect(readNormalizer({ type: 'NFKC' }, fail).normalize('\ufdfa'.repeat(10_000))).toHaveLength(180_000)
})

test.each([
  ['a normalizer', () => readNormalizer(replace({ String: 'a' }, 'b'.repeat(100)), fail), 'puts more than 64'],
  ['a prefix', () => readNormalizer({ type: 'Prepend', prepend: 'b'.repeat(100) }, fail), 'puts more than 64'],
  ['a decoder', () => readDecoder(replace({ String: 'a' }, 'b'.repeat(100)), fail), 'puts more than 64'],
  ['a strip of nothing', () => readDecoder({ type: 'Strip', content: '', start: 1e9 }, fail), 'one character'],
  ['a mark of nothing', () => readDecoder({ type: 'Metaspace', replacement: '' }, fail), 'one character'],
  [
    'a mark of much',
    () => readPreTokenizer({ type: 'Metaspace', replacement: 'ab' }, { bytesInModel: false }, fail),
    'one character',
  ],
  ['a long pattern', () => readNormalizer(replace({ String: 'a'.repeat(1000) }, ''), fail), 'more than 256'],
])('%s is refused when the file is read', (_, read, why) => {
  expect(read).toThrow(why)
})
