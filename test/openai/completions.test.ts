/** Raw prompts to token ids: control tokens count, bos comes once, and gaps are filled by the model's own tokens. */
import { describe, expect, test } from 'vitest'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'
import type { Piece } from '../../src/chat/types.js'
import { fillIn } from '../../src/openai/completions/fill-in.js'
import { prepareBody } from '../../src/openai/completions/prepare.js'
import { createTurnMemory } from '../../src/turn/turn-memory.js'
import type { Prompter } from '../../src/turn/types.js'
import { fakeFamily } from '../support/fake-family.js'

const tokenizer = await loadTokenizer('test/fixtures/tokenizers/llama3-tiny')
const prompter: Prompter = { family: fakeFamily, tokenizer, memory: createTurnMemory(), thinking: 'auto', window: 100 }
const prepare = (fields: object) => prepareBody(prompter, Buffer.from(JSON.stringify({ model: 'm', ...fields })))
const [bos] = tokenizer.prefix

describe('a raw prompt', () => {
  test('has control tokens as such, after one bos', () => {
    const eot = tokenizer.id('<|eot_id|>')
    const plain = prepare({ prompt: 'hi<|eot_id|>' })
    expect([plain.tokens[0], plain.tokens.at(-1)]).toEqual([bos, eot])
    const own = prepare({ prompt: `${tokenizer.decode([bos as number])}hi<|eot_id|>` })
    expect(own.tokens).toEqual(plain.tokens)
    expect(plain.record).toMatchObject({ isRaw: true, maxTokens: 16, tools: [], begun: [] })
    expect(structuredClone(plain)).toEqual(plain)
  })

  test('of token ids is taken as it is', () => {
    expect([...prepare({ prompt: [5, 6] }).tokens]).toEqual([5, 6])
  })

  test.each([
    [{ prompt: [5, tokenizer.vocabSize] }, `prompt[1]: Input should be a token id below ${tokenizer.vocabSize}`],
    [{ prompt: [-1] }, 'prompt[0]: Input should be a token id'],
    [{ prompt: [5], suffix: 'x' }, 'suffix: Input should be null where the prompt is token ids'],
    [{ prompt: 'a', suffix: 'x' }, 'suffix: Input should be null: this model has no tokens for filling a gap'],
  ])('with %j is refused', (fields, message) => {
    expect(() => prepare(fields)).toThrow(expect.objectContaining({ message: expect.stringContaining(message) }))
  })
})

describe('a gap', () => {
  const control = (token: string): Piece => ({ control: token })
  test.each<[string, string[], Piece[], string[]]>([
    [
      'by the tokens of CodeGemma',
      ['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>', '<|file_separator|>'],
      [control('<|fim_prefix|>'), 'a', control('<|fim_suffix|>'), 'c', control('<|fim_middle|>')],
      ['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>', '<|file_separator|>'],
    ],
    [
      'by the tokens of Code Llama',
      ['▁<PRE>', '▁<SUF>', '▁<MID>', '▁<EOT>'],
      [control('▁<PRE>'), 'a', control('▁<SUF>'), 'c', control('▁<MID>')],
      ['▁<EOT>'],
    ],
    ['by the tokens of Codestral', ['[SUFFIX]', '[PREFIX]'], [control('[SUFFIX]'), 'c', control('[PREFIX]'), 'a'], []],
  ])('is filled %s', (_, controls, pieces, ends) => {
    const id = (token: string) => (controls.includes(token) ? controls.indexOf(token) : undefined)
    expect(fillIn({ controls, id }, 'a', 'c')).toEqual({ pieces, endTokens: ends.map(id) })
    expect(fillIn({ controls: controls.slice(1), id }, 'a', 'c')).toBeUndefined()
  })

  test('ends at the model’s own tokens', () => {
    const controls = ['[SUFFIX]', '[PREFIX]']
    const ids = new Map(controls.map((token, i) => [token, i]))
    const gap = {
      ...tokenizer,
      controls,
      id: (token: string) => ids.get(token),
      encodePrompt: (pieces: unknown[]) => Int32Array.from(pieces, (_, i) => i + 10),
    } as unknown as Prompter['tokenizer']
    const body = Buffer.from(JSON.stringify({ model: 'm', prompt: 'a', suffix: 'c' }))
    const { tokens, record } = prepareBody({ ...prompter, tokenizer: gap }, body)
    expect([...tokens]).toEqual([...tokenizer.prefix, 10, 11, 12, 13])
    expect(record.endTokens).toEqual([])
  })
})
