/** tekken.json and tiktoken's tokenizer.model: bytes and their ranks, into the parts of a tokenizer.json. */
import { spellBytes } from './byte-level.js'
import { deriveMerges } from './derive-merges.js'
import type { AddedTokenEntry, Fail, TokenizerFile } from './file.js'
import type { Converted } from './sentencepiece.js'
import { buildVocabulary, HASH_START, hashByte } from './vocabulary.js'

/** Llama 3's, which files of ranks do not contain. */
const LLAMA3 =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
const LLAMA3_RANKS = 128000
const LLAMA3_SPECIALS = 256
const LLAMA3_NAMES: Record<number, string> = {
  0: '<|begin_of_text|>',
  1: '<|end_of_text|>',
  4: '<|finetune_right_pad_id|>',
  6: '<|start_header_id|>',
  7: '<|end_header_id|>',
  8: '<|eom_id|>',
  9: '<|eot_id|>',
  10: '<|python_tag|>',
}

/** What tekken.json had before it listed its special tokens. */
const TEKKEN_NAMES =
  '<unk> <s> </s> [INST] [/INST] [AVAILABLE_TOOLS] [/AVAILABLE_TOOLS] [TOOL_RESULTS] [/TOOL_RESULTS] [TOOL_CALLS] [IMG] <pad> [IMG_BREAK] [IMG_END] [PREFIX] [MIDDLE] [SUFFIX] [SYSTEM_PROMPT] [/SYSTEM_PROMPT] [TOOL_CONTENT]'.split(
    ' ',
  )

/** No vocabulary is larger; a file that says so is damaged. */
const MOST_TOKENS = 4_000_000

/** A line is a token in base64 and its rank. Special tokens are Llama 3's, or none if it has another size. */
export function readTiktoken(bytes: Uint8Array, fail: Fail): Converted {
  const tokens: Buffer[] = []
  for (const [i, line] of Buffer.from(bytes).toString('latin1').split('\n').entries()) {
    if (line.trim() === '') continue
    const [, token, rank] = /^([A-Za-z0-9+/]+=*) (\d{1,9})\r?$/.exec(line) ?? []
    if (token === undefined || Number(rank) !== tokens.length) {
      return fail(`has a line ${i + 1} that is not a token in base64 and the next rank`)
    }
    tokens.push(Buffer.from(token, 'base64'))
  }
  const added = tokens.length === LLAMA3_RANKS ? llamaSpecials() : []
  return convert({ tokens, first: 0, pattern: LLAMA3, added }, fail)
}

function llamaSpecials(): AddedTokenEntry[] {
  let reserved = 0
  return Array.from({ length: LLAMA3_SPECIALS }, (_, i) => {
    const content = LLAMA3_NAMES[i] ?? `<|reserved_special_token_${reserved++}|>`
    return { id: LLAMA3_RANKS + i, content, special: true }
  })
}

interface Tekken {
  config?: { pattern?: unknown; default_vocab_size?: unknown; default_num_special_tokens?: unknown }
  vocab?: { rank?: unknown; token_bytes?: unknown }[]
  special_tokens?: { rank?: unknown; token_str?: unknown }[] | null
}

export function readTekken(bytes: Uint8Array, fail: Fail): Converted {
  const { config, vocab, special_tokens: listed } = parse(bytes, fail)
  const size = config?.default_vocab_size
  const first = config?.default_num_special_tokens
  const pattern = config?.pattern
  if (!isCount(size) || !isCount(first) || first > size || typeof pattern !== 'string' || !Array.isArray(vocab)) {
    return fail('has no vocab, or a config without pattern, default_vocab_size and default_num_special_tokens')
  }
  if (vocab.length < size - first) return fail(`has ${vocab.length} tokens, fewer than its config says`)
  const tokens = vocab.slice(0, size - first).map((entry, rank) => {
    if (entry?.rank !== rank || typeof entry.token_bytes !== 'string') return fail(`has no token of rank ${rank}`)
    return Buffer.from(entry.token_bytes, 'base64')
  })
  const names = new Map(TEKKEN_NAMES.map((name, i) => [i, name]))
  if (Array.isArray(listed)) {
    names.clear()
    for (const entry of listed) {
      if (!isCount(entry?.rank) || typeof entry.token_str !== 'string') return fail('has a special token without rank')
      names.set(entry.rank, entry.token_str)
    }
  }
  const added = Array.from({ length: first }, (_, id) => {
    return { id, content: names.get(id) ?? `<SPECIAL_${id}>`, special: true }
  })
  return convert({ tokens, first, pattern, added }, fail)
}

function parse(bytes: Uint8Array, fail: Fail): Tekken {
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    if (typeof json === 'object' && json !== null) return json
  } catch {
    // Said below, as of JSON that is no object.
  }
  return fail('is not a JSON object')
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MOST_TOKENS
}

interface Ranks {
  /** By rank. */
  tokens: Uint8Array[]
  /** The id of rank 0. */
  first: number
  pattern: string
  added: AddedTokenEntry[]
}

function convert({ tokens, first, pattern, added }: Ranks, fail: Fail): Converted {
  const builder = buildVocabulary(tokens.length)
  for (const [rank, token] of tokens.entries()) {
    const spelled = Buffer.from(spellBytes(token))
    let hash = HASH_START
    for (const byte of spelled) hash = hashByte(hash, byte)
    builder.add(spelled, spelled.length, hash, first + rank)
  }
  const vocabulary = builder.finish()
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false }
  const split = { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false }
  const file: TokenizerFile = {
    added_tokens: added,
    exact_ids: true,
    pre_tokenizer: { type: 'Sequence', pretokenizers: [split, bytes] },
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab: {}, merges: [], ignore_merges: true },
  }
  return { file, vocabulary, triples: deriveMerges({ vocabulary, apart: new Set() }, fail) }
}
