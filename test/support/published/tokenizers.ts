/** Tokenizers with the structure of published ones, made from the small vocabularies of test/fixtures/tokenizers. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export type TokenizerKind =
  | 'byte-level BPE, Llama 3'
  | 'byte-level BPE, GPT-2'
  | 'byte-level BPE, DeepSeek'
  | 'byte-level BPE, tekken'
  | 'BPE with byte fallback, Llama 2'
  | 'BPE with byte fallback, Mistral'
  | 'BPE with byte fallback, Gemma'
  | 'tekken.json'
  | 'tokenizer.model'

/** The tokens that a checkpoint adds: `special` ones, and others that are found first all the same. */
export interface AddedTokens {
  special: string[]
  plain?: string[]
  bos?: string
  eos: string
}

/** What was written: how many ids there are, and those of the tokens. */
export interface WrittenTokenizer {
  size: number
  ids: Record<string, number>
}

const FIXTURES = 'test/fixtures/tokenizers'

// biome-ignore lint/suspicious/noExplicitAny: the file's own JSON
type Json = any

const readJson = (...path: string[]): Json => JSON.parse(readFileSync(join(FIXTURES, ...path), 'utf8'))

const TEKKEN_SPLIT =
  '[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+'

const bytes = (use_regex: boolean) => ({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex })
const split = (Regex: string) => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false })
const digits = { type: 'Digits', individual_digits: true }

/** How byte-level files cut a text; Llama 3's is that of the fixture. */
const CUTS: Partial<Record<TokenizerKind, Json>> = {
  'byte-level BPE, GPT-2': { type: 'Sequence', pretokenizers: [digits, bytes(true)] },
  'byte-level BPE, tekken': { type: 'Sequence', pretokenizers: [split(TEKKEN_SPLIT), bytes(false)] },
  'byte-level BPE, DeepSeek': {
    type: 'Sequence',
    pretokenizers: [
      split('[\r\n]'),
      split('\\s?\\p{L}+'),
      split('\\s?\\p{P}+'),
      split('[一-龥ࠀ-一가-퟿]+'),
      digits,
      bytes(false),
    ],
  },
}

const FOLDERS: Record<TokenizerKind, string> = {
  'byte-level BPE, Llama 3': 'llama3-tiny',
  'byte-level BPE, GPT-2': 'llama3-tiny',
  'byte-level BPE, DeepSeek': 'llama3-tiny',
  'byte-level BPE, tekken': 'llama3-tiny',
  'BPE with byte fallback, Llama 2': 'llama2-tiny',
  'BPE with byte fallback, Mistral': 'mistral7b-tiny',
  'BPE with byte fallback, Gemma': 'gemma4-tiny',
  'tekken.json': 'tekken-tiny',
  'tokenizer.model': 'spm-bpe',
}

/** Writes the tokenizer's file into a folder. */
export function writeTokenizer(folder: string, kind: TokenizerKind, tokens: AddedTokens): WrittenTokenizer {
  if (kind === 'tekken.json') return writeTekken(folder, tokens)
  if (kind === 'tokenizer.model') return sentencePiece(folder, tokens)
  const file = readJson(FOLDERS[kind], 'tokenizer.json')
  if (kind === 'BPE with byte fallback, Gemma') renameGemma(file, tokens)
  else file.added_tokens = []
  const { vocab } = file.model
  file.pre_tokenizer = CUTS[kind] ?? file.pre_tokenizer
  const used = Object.values(vocab as Record<string, number>).reduce((most, id) => Math.max(most, id), 0)
  let next = used + 1
  const add = (content: string, special: boolean) => {
    if (file.added_tokens.some((one: Json) => one.content === content)) return
    const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false }
    file.added_tokens.push({ id: vocab[content] ?? next++, content, ...flags, special })
  }
  for (const token of tokens.special) add(token, true)
  for (const token of tokens.plain ?? []) add(token, false)
  file.added_tokens.sort((a: Json, b: Json) => a.id - b.id)
  const ids = Object.fromEntries(file.added_tokens.map(({ content, id }: Json) => [content, id]))
  file.post_processor = tokens.bos === undefined ? null : inFront(tokens.bos, ids[tokens.bos])
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(file))
  return { size: next, ids }
}

function inFront(bos: string, id: number): Json {
  return {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: bos, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [],
    special_tokens: { [bos]: { id: bos, ids: [id], tokens: [bos] } },
  }
}

/** Gemma 2 and 3 have other tokens where the fixture has Gemma 4's turns. */
function renameGemma(file: Json, { special }: AddedTokens): void {
  if (special.includes('<|turn>')) return
  const names: Record<string, string> = { '<|turn>': '<start_of_turn>', '<turn|>': '<end_of_turn>' }
  const rename = (token: string) => names[token] ?? token
  const { vocab } = file.model
  file.model.vocab = Object.fromEntries(Object.entries(vocab).map(([token, id]) => [rename(token), id]))
  const kept = file.added_tokens.map((one: Json) => ({ ...one, content: rename(one.content) }))
  file.added_tokens = kept.filter(({ content }: Json) => !/^<\|.*>$|^<.*\|>$/.test(content))
}

/** Newer files list their special tokens; the fixture has none. */
function writeTekken(folder: string, tokens: AddedTokens): WrittenTokenizer {
  const file = readJson('tekken-tiny', 'tekken.json')
  const names = [...new Set(['<unk>', '<s>', '</s>', ...tokens.special, ...(tokens.plain ?? [])])]
  const words = file.config.default_vocab_size - file.config.default_num_special_tokens
  const size = words + names.length
  file.config = { ...file.config, default_vocab_size: size, default_num_special_tokens: names.length }
  file.special_tokens = names.map((token_str, rank) => ({ rank, token_str, is_control: true }))
  writeFileSync(join(folder, 'tekken.json'), JSON.stringify(file))
  return { size, ids: Object.fromEntries(names.map((name, id) => [name, id])) }
}

/** What a SentencePiece file lacks is in `added_tokens_decoder`, which the folder's tokenizer_config.json gets. */
function sentencePiece(folder: string, tokens: AddedTokens): WrittenTokenizer {
  copyFileSync(join(FIXTURES, 'spm-bpe', 'tokenizer.model'), join(folder, 'tokenizer.model'))
  const known = ['<unk>', '<s>', '</s>']
  const more = [...tokens.special, ...(tokens.plain ?? [])].filter((token) => !known.includes(token))
  const ids = Object.fromEntries([
    ...known.map((token, id) => [token, id]),
    ...more.map((token, i) => [token, 600 + i]),
  ])
  return { size: 600 + more.length, ids }
}

/** Of the tokens that a SentencePiece file needs to have beside it. */
export function decoderOf({ ids }: WrittenTokenizer): Json {
  return Object.fromEntries(Object.entries(ids).map(([content, id]) => [id, { content, special: true }]))
}
