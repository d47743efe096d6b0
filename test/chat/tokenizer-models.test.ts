import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'
import { TetherError } from '../../src/errors.js'

interface Golden {
  texts: string[]
  ids: number[][]
  decoded: string[]
}

const goldens: Record<string, Golden> = JSON.parse(readFileSync('test/chat/golden/models.json', 'utf8'))
const FIXTURES = 'test/fixtures/tokenizers'
const folder = mkdtempSync(join(tmpdir(), 'tether-models-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A new folder with these files. */
function checkpoint(files: Record<string, string | Uint8Array>): string {
  const dir = mkdtempSync(join(folder, 'c-'))
  for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), content)
  return dir
}

test.each(Object.entries(goldens))('%s: gives the ids and texts of its own library', async (name, golden) => {
  const tokenizer = await loadTokenizer(join(FIXTURES, name))
  for (const [i, text] of golden.texts.entries()) {
    expect([...tokenizer.encode(text, { special: false })], JSON.stringify(text)).toEqual(golden.ids[i])
    // SentencePiece writes an unknown character as this.
    if (!golden.decoded[i]?.includes('⁇')) expect(tokenizer.decode(golden.ids[i] as number[])).toBe(golden.decoded[i])
  }
})

test('control symbols and the token in front are known', async () => {
  const spm = await loadTokenizer(join(FIXTURES, 'spm-bpe'))
  expect([...spm.prefix]).toEqual([spm.id('<s>')])
  expect(spm.control(2)).toBe('</s>')
  expect([...spm.encode('</s>', { special: false })]).not.toContain(2)
  expect([...spm.encode('</s>', { special: true })]).toEqual([2])
  const tekken = await loadTokenizer(join(FIXTURES, 'tekken-tiny'))
  expect(['<s>', '[INST]', '[SYSTEM_PROMPT]'].map((token) => tekken.id(token))).toEqual([1, 3, 17])
  const ranks = await loadTokenizer(join(FIXTURES, 'tiktoken-tiny'))
  expect(ranks.control(ranks.vocabSize - 1)).toBe('<|eot_id|>')
})

test('tokenizer_config.json names more control tokens, which no text becomes, and can switch off the one in front', async () => {
  const golden = goldens['spm-bpe'] as Golden
  const model = readFileSync(join(FIXTURES, 'spm-bpe', 'tokenizer.model'))
  const plain = await loadTokenizer(join(FIXTURES, 'spm-bpe'))
  const id = plain.id('▁the') as number
  const decoder = { [id]: { content: '▁the', special: true }, 600: { content: '<|im_end|>', special: true } }
  const config = JSON.stringify({ added_tokens_decoder: decoder, add_bos_token: false })
  const tokenizer = await loadTokenizer(checkpoint({ 'tokenizer.model': model, 'tokenizer_config.json': config }))
  expect(tokenizer.id('<|im_end|>')).toBe(600)
  expect(tokenizer.vocabSize).toBe(601)
  expect([...tokenizer.prefix]).toEqual([])
  expect([...plain.encode('the', { special: false })]).toEqual([id])
  expect([...tokenizer.encode('the', { special: false })]).not.toContain(id)
  const broken = await loadTokenizer(checkpoint({ 'tokenizer.model': model, 'tokenizer_config.json': '{' }))
  expect([...broken.encode(golden.texts[5] as string, { special: false })]).toEqual(golden.ids[5])
})

test('of several files tokenizer.json is read first, then tekken.json', async () => {
  const dir = checkpoint({})
  copyFileSync(join(FIXTURES, 'spm-bpe', 'tokenizer.model'), join(dir, 'tokenizer.model'))
  expect((await loadTokenizer(dir)).vocabSize).toBe(600)
  copyFileSync(join(FIXTURES, 'tekken-tiny', 'tekken.json'), join(dir, 'tekken.json'))
  expect((await loadTokenizer(dir)).id('[INST]')).toBe(3)
  copyFileSync(join(FIXTURES, 'llama3-tiny', 'tokenizer.json'), join(dir, 'tokenizer.json'))
  expect((await loadTokenizer(dir)).id('<|eot_id|>')).toBeDefined()
})

test('from the cache it is the same tokenizer, and another tokenizer_config.json is another one', async () => {
  const golden = goldens['tiktoken-tiny'] as Golden
  const ranks = readFileSync(join(FIXTURES, 'tiktoken-tiny', 'tokenizer.model'), 'utf8')
  const own = ranks.trim().split('\n')
  // Large enough to be kept: tokens that no text has.
  const more = Array.from(
    { length: 12000 },
    (_, i) => `${Buffer.from(`\u0001${i}\u0002`).toString('base64')} ${own.length + i}`,
  )
  const model = `${[...own, ...more].join('\n')}\n`
  const config = (token: string) =>
    JSON.stringify({ added_tokens_decoder: { 12420: { content: token, special: true } }, bos_token: token })
  const cache = join(folder, 'cache')
  for (const token of ['<|a|>', '<|b|>', '<|a|>']) {
    const dir = checkpoint({ 'tokenizer.model': model, 'tokenizer_config.json': config(token) })
    const tokenizer = await loadTokenizer(dir, { cache })
    expect([...tokenizer.prefix]).toEqual([tokenizer.id(token)])
    for (const [i, text] of golden.texts.entries()) {
      expect([...tokenizer.encode(text, { special: false })]).toEqual(golden.ids[i])
    }
  }
})

describe('a damaged file', () => {
  test.each([
    ['spm-bpe', 'tokenizer.model'],
    ['spm-unigram', 'tokenizer.model'],
    ['tekken-tiny', 'tekken.json'],
    ['tiktoken-tiny', 'tokenizer.model'],
  ])('%s: is an error or a tokenizer, never anything else', { timeout: 120_000 }, async (name, file) => {
    const whole = readFileSync(join(FIXTURES, name, file))
    for (let i = 0; i < 60; i += 1) {
      const bytes = Buffer.from(i % 2 === 0 ? whole.subarray(0, (whole.length * i) / 60) : whole)
      if (i % 2 === 1)
        for (let j = 0; j < 8; j += 1) bytes[(i * 7919 + j * 104729) % bytes.length] = (i * 37 + j * 11) & 255
      const loaded = await loadTokenizer(checkpoint({ [file]: bytes }), { cache: false }).catch((error) => error)
      if (loaded instanceof Error) expect(loaded, `${i}: ${loaded.stack}`).toBeInstanceOf(TetherError)
      else expect([...loaded.encode('the lamp', { special: false })].length, `${i}`).toBeLessThan(64)
    }
  })

  test.each([
    [/line 2/, 'tokenizer.model', 'YQ== 0\nYg== 5\n'],
    [/too long/, 'tokenizer.model', `${Buffer.alloc(100_000, 'a').toString('base64')} 0\n`],
    [/neither/, 'tokenizer.model', Uint8Array.of(0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f)],
    [/no pieces/, 'tokenizer.model', Uint8Array.of(0x0a, 0x00).subarray(0, 0)],
    [/special tokens/, 'tokenizer.model', 'YQ== 0\n'],
    [/config/, 'tekken.json', '{}'],
    [/JSON object/, 'tekken.json', 'null'],
    [
      /fewer/,
      'tekken.json',
      '{"config":{"pattern":"a","default_vocab_size":9,"default_num_special_tokens":1},"vocab":[]}',
    ],
  ])('that says %s', async (message, file, content) => {
    const dir = checkpoint({ [file]: content })
    const error = await loadTokenizer(dir).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(TetherError)
    if (content.length > 0) expect(error.message).toMatch(message)
    expect(error.message).toContain(join(dir, file))
  })
})
