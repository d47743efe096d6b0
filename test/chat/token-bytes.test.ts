/** The bytes of single tokens, as grammars need them. */
import { describe, expect, test } from 'vitest'
import { grammarVocabulary } from '../../src/chat/grammar/vocabulary.js'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'

const FOLDERS = [
  'gemma4-tiny',
  'llama3-tiny',
  'llama2-tiny',
  'mistral7b-tiny',
  'tekken-tiny',
  'tiktoken-tiny',
  'spm-bpe',
]

const TEXT = 'say "x": [1, 2.5],\n\t{"ключ": "é€😀"} <|x|> \\u00e9'

describe.each(FOLDERS)('the tokens of %s', (folder) => {
  test('add to a text what their bytes say', async () => {
    const tokenizer = await loadTokenizer(`test/fixtures/tokenizers/${folder}`)
    const tokens = tokenizer.encode(TEXT, { special: false })
    const bytes = Buffer.concat([...tokens].map((id) => tokenizer.bytes(id) ?? Buffer.from('?')))
    // A text may begin with a space that its tokenizer adds.
    expect(bytes.toString().trimStart()).toBe(tokenizer.decode(tokens).trimStart())
  })

  test('have no bytes where they are control tokens', async () => {
    const tokenizer = await loadTokenizer(`test/fixtures/tokenizers/${folder}`)
    const ids = tokenizer.controls.map((control) => tokenizer.id(control) as number)
    expect(ids.filter((id) => tokenizer.bytes(id) !== undefined)).toEqual([])
  })
})

test('a vocabulary has all tokens one after another, and names the quote', async () => {
  const tokenizer = await loadTokenizer('test/fixtures/tokenizers/gemma4-tiny')
  const size = tokenizer.vocabSize + 10
  const { bytes, ends, quote, stopTokens } = await grammarVocabulary(tokenizer, {
    size,
    stopTokens: Int32Array.of(1, size),
    quote: '<|"|>',
  })
  const textOf = (id: number) => Buffer.from(bytes.subarray(ends[id - 1] ?? 0, ends[id])).toString()
  expect(quote).toBe(tokenizer.id('<|"|>'))
  expect(textOf(quote as number)).toBe('')
  expect(textOf(tokenizer.id('<turn|>') as number)).toBe('')
  expect(textOf(tokenizer.id('{') as number)).toBe('{')
  // The byte of a character that has a token of its own is left out.
  expect(textOf(tokenizer.id('<0x7B>') as number)).toBe('')
  expect(bytes[(ends[tokenizer.id('<0xC3>') as number] as number) - 1]).toBe(0xc3)
  expect(ends).toHaveLength(size)
  // The model cannot draw the other one.
  expect([...stopTokens]).toEqual([1])
  expect(ends[size - 1]).toBe(bytes.length)
})
