import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'
import type { Piece, Tokenizer } from '../../src/chat/types.js'
import { TetherError } from '../../src/errors.js'
import { randomText, seeded } from '../support/chat-random.js'
import { cpuTime } from '../support/cpu-time.js'

interface Golden {
  file: string
  ids: number[][]
  tokens: number[][]
  decoded: string[]
}
const goldens: { texts: string[]; tokenizers: Record<string, Golden> } = JSON.parse(
  readFileSync('test/chat/golden/tokenizers.json', 'utf8'),
)
const fuzz: { texts: string[]; sums: Record<string, number[]> } = JSON.parse(
  readFileSync('test/chat/golden/fuzz.json', 'utf8'),
)
const GEMMA = 'test/fixtures/tokenizers/gemma4-tiny'
const LLAMA = 'test/fixtures/tokenizers/llama3-tiny'

const written = (pieces: Piece[]) => pieces.map((piece) => (typeof piece === 'string' ? piece : piece.control)).join('')
const encode = (tokenizer: Tokenizer, text: string) => [...tokenizer.encode(text, { special: true })]
const plain = (tokenizer: Tokenizer, text: string) => [...tokenizer.encode(text, { special: false })]

describe.each(Object.entries(goldens.tokenizers))(
  '%s, compared with Hugging Face',
  (name, { file, ids, tokens, decoded }) => {
    let tokenizer: Tokenizer
    beforeAll(async () => {
      tokenizer = await loadTokenizer(dirname(file))
    })

    test('gives the same ids', () => {
      for (const [i, text] of goldens.texts.entries()) {
        expect(encode(tokenizer, text), JSON.stringify(text)).toEqual(ids[i])
      }
    })

    test('gives the same ids for a sample of the fuzzer', () => {
      const sums = fuzz.sums[name] as number[]
      expect(sums.length).toBe(fuzz.texts.length)
      const wrong = fuzz.texts.filter((text, i) => {
        const list = tokenizer.encode(text, { special: true })
        return crc32(new Uint8Array(list.buffer)) !== sums[i]
      })
      expect(wrong).toEqual([])
    })

    test('gives the same text for any ids', () => {
      for (const [i, list] of tokens.entries()) expect(tokenizer.decode(list), `${list}`).toBe(decoded[i])
    })

    test('streams the text that it decodes, token by token', () => {
      for (const list of tokens) {
        const stream = tokenizer.stream()
        const pieces = [...list.flatMap((id) => stream.push([id])), ...stream.end()]
        expect(written(pieces), `${list}`).toBe(tokenizer.decode(list))
      }
    })

    test('never encodes a text without control tokens to one', () => {
      for (const text of goldens.texts) {
        for (const id of plain(tokenizer, text)) expect(tokenizer.control(id), JSON.stringify(text)).toBeUndefined()
      }
    })
  },
)

const python = process.env.TETHER_ORACLE_PYTHON
const oracleFiles = [...Object.values(goldens.tokenizers).map(({ file }) => file), 'demo/model/tokenizer.json']
describe.runIf(python)('compared with PyPI `tokenizers`', () => {
  test.each(oracleFiles.filter((file) => existsSync(file)))(
    '%s: encodes and decodes 4000 random texts and ids alike',
    { timeout: 120_000 },
    async (file) => {
      const tokenizer = await loadTokenizer(dirname(file))
      const random = seeded(Number(process.env.TETHER_SEED ?? 1))
      const texts = Array.from({ length: 4000 }, () => randomText(random, 40))
      const tokens = texts.map(() => {
        const most = random.pick([40, 600, tokenizer.vocabSize])
        return Array.from({ length: random.below(12) }, () => random.below(Math.min(most, tokenizer.vocabSize)))
      })
      const input = JSON.stringify({ file, texts, tokens })
      const answer = execFileSync(python as string, ['test/chat/oracle/ask.py'], { input, maxBuffer: 2 ** 29 })
      const { ids, decoded, prefix } = JSON.parse(answer.toString())
      expect([...tokenizer.prefix]).toEqual(prefix)
      expect(texts.filter((text, i) => encode(tokenizer, text).join() !== ids[i].join())).toEqual([])
      expect(tokens.filter((list, i) => tokenizer.decode(list) !== decoded[i])).toEqual([])
    },
  )
})

describe('control tokens', () => {
  let gemma: Tokenizer
  let llama: Tokenizer
  beforeAll(async () => {
    gemma = await loadTokenizer(GEMMA)
    llama = await loadTokenizer(LLAMA)
  })

  test.each(['<|turn>', '<turn|>', '<bos>', '<|"|>', '<unused12>'])(
    '%s is a control token, and plain text in a request',
    (token) => {
      const id = gemma.id(token) as number
      expect(gemma.control(id)).toBe(token)
      expect(encode(gemma, `a${token}b`)).toContain(id)
      expect(plain(gemma, `a${token}b`)).not.toContain(id)
      expect(gemma.decode(plain(gemma, `a${token}b`))).toBe(`a${token}b`)
    },
  )

  test.each(['\n\n', '▁▁▁', '<table>', '\t\t'])('%j is an added token but not a control token', (token) => {
    const id = gemma.id(token) as number
    expect(gemma.control(id)).toBeUndefined()
    expect(plain(gemma, `a${token}b`)).toContain(id)
  })

  test('a prompt has them only where it has control pieces', () => {
    const prompt: Piece[] = [
      { control: '<|start_header_id|>' },
      'us',
      'er <|eot_id|>',
      { control: '<|end_header_id|>' },
    ]
    const ids = [...llama.encodePrompt(prompt)]
    expect(ids[0]).toBe(llama.id('<|start_header_id|>'))
    expect(ids.at(-1)).toBe(llama.id('<|end_header_id|>'))
    expect(ids.slice(1, -1)).toEqual(plain(llama, 'user <|eot_id|>'))
  })

  test.each(['llama2-tiny', 'mistral7b-tiny', 'gemma4-tiny', 'llama3-tiny'])(
    'a prompt of %s has the ids of its whole text, also where the first word of a text is marked',
    async (name) => {
      const tokenizer = await loadTokenizer(`test/fixtures/tokenizers/${name}`)
      const control = tokenizer.controls[0] as string
      const prompt: Piece[] = [
        'Read the file',
        { control },
        'user\nread',
        { control },
        ' the file',
        { control },
        'user\nread',
      ]
      const whole = prompt.map((piece) => (typeof piece === 'string' ? piece : piece.control)).join('')
      for (const pieces of [prompt, prompt.slice(1), prompt])
        expect([...tokenizer.encodePrompt(pieces)]).toEqual([
          ...tokenizer.encode(pieces === prompt ? whole : whole.slice('Read the file'.length), { special: true }),
        ])
    },
  )

  test('a prompt with one that the tokenizer lacks is an error that names it', () => {
    expect(() => llama.encodePrompt([{ control: '<|turn>' }])).toThrow(/llama3-tiny.*<\|turn>/)
  })

  test('are pieces of their own in a stream', () => {
    const stream = gemma.stream()
    const ids = encode(gemma, 'the <|tool_call>call:Read')
    expect([...stream.push(ids), ...stream.end()]).toEqual(['the ', { control: '<|tool_call>' }, 'call:Read'])
  })
})

describe('streaming', () => {
  test.each([
    ['Gemma', GEMMA],
    ['Llama', LLAMA],
  ])('%s: holds half a character back until it is complete', async (_, dir) => {
    const tokenizer = await loadTokenizer(dir)
    const stream = tokenizer.stream()
    const pieces = plain(tokenizer, 'a🙂 b').map((id) => written(stream.push([id])))
    expect(pieces.concat(written(stream.end())).join('')).toBe('a🙂 b')
    expect(pieces.join('')).not.toContain('\ufffd')
  })

  test('bytes that are not a character become one U+FFFD each at the end of the run', async () => {
    const tokenizer = await loadTokenizer(GEMMA)
    const stream = tokenizer.stream()
    const byte = tokenizer.id('<0xF0>') as number
    expect(stream.push([byte])).toEqual([])
    expect(stream.push(encode(tokenizer, 'a'))).toEqual(['\ufffda'])
    expect(stream.push([byte, byte])).toEqual([])
    expect(stream.push([tokenizer.id('<turn|>') as number])).toEqual(['\ufffd\ufffd', { control: '<turn|>' }])
    expect(stream.push([byte])).toEqual([])
    expect(stream.end()).toEqual(['\ufffd'])
  })
})

test('half of a surrogate pair is U+FFFD, a whole one is a character', async () => {
  const tokenizer = await loadTokenizer(GEMMA)
  expect(plain(tokenizer, 'a\ud83d')).toEqual(plain(tokenizer, 'a\ufffd'))
  expect(tokenizer.decode(tokenizer.encodePrompt(['a\ud83d', '\ude42']))).toBe('a🙂')
})

test('the prefix is what the post-processor puts before a text', async () => {
  const [gemma, llama] = [await loadTokenizer(GEMMA), await loadTokenizer(LLAMA)]
  expect([...gemma.prefix]).toEqual([gemma.id('<bos>')])
  expect([...llama.prefix]).toEqual([llama.id('<|begin_of_text|>')])
})

test.each([
  ['Gemma', GEMMA],
  ['Llama', LLAMA],
])('%s: a line of a megabyte is encoded in linear time', async (_, dir) => {
  const tokenizer = await loadTokenizer(dir)
  for (const unit of ['a', ' ', 'the lamp ', '🙂', '<|']) {
    const line = unit.repeat(1_000_000 / unit.length)
    const began = cpuTime()
    const ids = tokenizer.encode(line, { special: false })
    expect(cpuTime() - began, JSON.stringify(unit)).toBeLessThan(8000)
    expect(tokenizer.decode(ids)).toBe(line)
  }
})

describe('other forms of tokenizer.json', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tether-tokenizer-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const vocab = { a: 0, b: 1, ab: 2, '▁': 3, '▁ab': 4, '<unk>': 5, '<s>': 6, Ł: 7 }
  const model = { type: 'BPE', vocab, merges: ['a b', '▁ ab'], unk_token: '<unk>', fuse_unk: true }
  const load = (file: object) => {
    writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(file))
    return loadTokenizer(folder)
  }

  test('Llama 2 puts a space before every stretch of text and removes it from the start of the answer', async () => {
    const tokenizer = await load({
      added_tokens: [{ id: 6, content: '<s>', special: true }],
      normalizer: {
        type: 'Sequence',
        normalizers: [
          { type: 'Prepend', prepend: '▁' },
          { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
        ],
      },
      decoder: {
        type: 'Sequence',
        decoders: [
          { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
          { type: 'ByteFallback' },
          { type: 'Fuse' },
          { type: 'Strip', content: ' ', start: 1, stop: 0 },
        ],
      },
      model,
    })
    expect(encode(tokenizer, 'ab<s>ab ab')).toEqual([4, 6, 4, 4])
    expect(tokenizer.decode([4, 4])).toBe('ab ab')
    expect(tokenizer.decode([6, 4])).toBe('<s> ab')
    const stream = tokenizer.stream()
    expect([4, 4].map((id) => written(stream.push([id])))).toEqual(['ab', ' ab'])
  })

  test('unknown characters are one unk if the model fuses them', async () => {
    expect(encode(await load({ model }), 'axyb')).toEqual([0, 5, 1])
    expect(encode(await load({ model: { ...model, fuse_unk: false } }), 'axyb')).toEqual([0, 5, 5, 1])
    expect(encode(await load({ model: { ...model, unk_token: null } }), 'axyb')).toEqual([2])
  })

  test('added tokens keep their flags', async () => {
    const token = (content: string, id: number, flags: object) => ({ id, content, special: false, ...flags })
    const tokenizer = await load({
      added_tokens: [
        token('left', 10, { lstrip: true }),
        token('right', 11, { rstrip: true }),
        token('word', 12, { single_word: true }),
        token('up', 13, { normalized: true }),
      ],
      normalizer: { type: 'Replace', pattern: { String: 'U' }, content: 'u' },
      model: { ...model, vocab: { ...vocab, left: 10, right: 11, word: 12, up: 13 } },
    })
    expect(encode(tokenizer, 'ab  left')).toEqual([2, 10])
    expect(encode(tokenizer, 'right \n ab')).toEqual([11, 2])
    expect(encode(tokenizer, 'word')).toEqual([12])
    expect(encode(tokenizer, 'word,')).toContain(12)
    for (const text of ['words', 'aword', '\u{10400}word', 'word\u0301', 'word\u200d']) {
      expect(encode(tokenizer, text), text).not.toContain(12)
    }
    expect(encode(tokenizer, 'Upab')).toEqual([13, 2])
  })

  test('an added token that the vocabulary lacks gets the next id after the vocabulary, as in the reference', async () => {
    const tokenizer = await load({ added_tokens: [{ id: 99, content: '<x>', special: true }], model })
    expect(tokenizer.id('<x>')).toBe(Object.keys(vocab).length)
  })

  test('the file may have any order, spacing and escapes that JSON allows', async () => {
    const { merges, ...others } = model
    const text = JSON.stringify({ model: { merges, ...others, zz: ['"', { a: '\\' }] } }, null, '\t')
    const escaped = text.replaceAll('▁', '\\u2581').replace('"ab"', '"\\u0061b"').replace('Ł', '\\u0141')
    writeFileSync(join(folder, 'tokenizer.json'), escaped)
    const tokenizer = await loadTokenizer(folder)
    expect(tokenizer.id('▁ab')).toBe(4)
    expect(tokenizer.id('Ł')).toBe(7)
    expect(encode(tokenizer, '▁abŁ')).toEqual([4, 7])
  })

  test('a file that is cut off anywhere is an error', async () => {
    const whole = JSON.stringify({ added_tokens: [{ id: 6, content: '<s>', special: true }], model })
    for (let length = 0; length < whole.length; length += 1) {
      writeFileSync(join(folder, 'tokenizer.json'), whole.slice(0, length))
      await expect(loadTokenizer(folder), `${length}`).rejects.toThrow(TetherError)
    }
  })

  test.each([
    [/is not JSON/, '{'],
    [/has no model/, '{}'],
    [/WordLevel.*BPE and Unigram/, JSON.stringify({ model: { type: 'WordLevel', vocab: {} } })],
    [/model\.vocab/, JSON.stringify({ model: { type: 'Unigram', vocab: {} } })],
    [/score: \["a"\]/, JSON.stringify({ model: { type: 'Unigram', vocab: [['a']] } })],
    [/unk_id/, JSON.stringify({ model: { type: 'Unigram', vocab: [['a', 0]], unk_id: 1 } })],
    [/normalizer.*Nmt/, JSON.stringify({ normalizer: { type: 'Nmt' }, model })],
    [/behavior Odd/, JSON.stringify({ pre_tokenizer: { type: 'Punctuation', behavior: 'Odd' }, model })],
    [/charsmap.*damaged/, JSON.stringify({ normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAAA' }, model })],
    [/merge.*\["a","x"\]/, JSON.stringify({ model: { ...model, merges: ['a x'] } })],
    [/merge.*\["b","a"\]/, JSON.stringify({ model: { ...model, merges: ['a b', ['b', 'a']] } })],
    [/merge/, JSON.stringify({ model: { ...model, merges: ['a b b'] } })],
    [/"x" an id/, JSON.stringify({ model: { ...model, vocab: { x: -1 } } })],
    [/"x" an id/, JSON.stringify({ model: { ...model, vocab: { x: 1.5 } } })],
    [/JSON/, JSON.stringify({ model }).replace('"Ł"', '"\\ud800"')],
    [/JSON/, `${JSON.stringify({ model })}]`],
    [/pre-tokenizer.*Bert/, JSON.stringify({ pre_tokenizer: { type: 'BertPreTokenizer' }, model })],
    [/decoder.*WordPiece/, JSON.stringify({ decoder: { type: 'WordPiece' }, model })],
    [/post-processor.*Odd/, JSON.stringify({ post_processor: { type: 'Odd' }, model })],
    [/pattern/, JSON.stringify({ normalizer: { type: 'Replace', pattern: { Regex: 'a++' }, content: '' }, model })],
  ])('a file that cannot be read is an error that says %s', async (message, file) => {
    writeFileSync(join(folder, 'tokenizer.json'), file)
    const error = await loadTokenizer(folder).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(TetherError)
    expect(error.code).toBe('bad_tokenizer')
    expect(error.message).toContain(join(folder, 'tokenizer.json'))
    expect(error.message).toMatch(message)
  })

  test('a folder without the file is an error that names it', async () => {
    await expect(loadTokenizer('/nowhere')).rejects.toThrow(/\/nowhere\/tokenizer\.json cannot be read/)
  })
})
