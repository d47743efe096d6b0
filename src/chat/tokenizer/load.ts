/** The tokenizer's file in a model's folder to a Tokenizer. */

import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { TetherError } from '../../errors.js'
import { parsePythonJson } from '../../python-json.js'
import { readRegularFile } from '../../read-file.js'
import type { Tokenizer } from '../types.js'
import { readTables, writeTables } from './cache.js'
import { addConfigured, readConfigured } from './configured.js'
import { checkFile, type Fail, type TokenizerFile } from './file.js'
import { type TokenizerFileName, tokenizerFileAmong } from './files.js'
import { readTekken, readTiktoken } from './ranks.js'
import { scan } from './scan.js'
import { type Converted, isSentencePiece, readSentencePiece } from './sentencepiece.js'
import { makeTables } from './tables.js'
import { controlTokens, makeTokenizer, type Parts, readAdded } from './tokenizer.js'
import { listVocabulary, tokenText } from './vocabulary.js'

export interface LoadTokenizerOptions {
  /** The cache folder for tables of large tokenizers, which make the next load ten times faster. false: no cache. */
  cache?: string | false
  /** The model's vocabulary: added tokens with this id or a higher one are left out, since the model has none. */
  below?: number
}

/** A smaller file is read as fast as its cached tables would be. */
const SMALLEST_CACHED = 2_000_000
/** The same of a file without merges, which have to be found. */
const SMALLEST_DERIVED = 200_000

/** The name of the file in a model's folder that its tokenizer is read from, undefined without one. */
export function tokenizerFileName(dir: string): TokenizerFileName | undefined {
  return tokenizerFileAmong((name) => existsSync(join(dir, name)))
}

/**
 * Reads `tokenizer.json` in a model's folder; without one `tekken.json`, or else `tokenizer.model` (SentencePiece's, or
 * Llama 3's ranks). Throws `bad_tokenizer`, naming the file and the fix.
 * Tables of large files are kept in `~/.tether/cache/tokenizers` unless `cache` says otherwise.
 */
export async function loadTokenizer(dir: string, options: LoadTokenizerOptions = {}): Promise<Tokenizer> {
  const { load } = await openTokenizer(dir, options)
  return load()
}

/** A tokenizer's file whose content is not parsed yet. */
export interface OpenTokenizer {
  /** Of all that decides what `load` gives: the same key, the same tokenizer. */
  key: string
  load(): Promise<Tokenizer>
}

/** Reads the file's bytes. It and `load` throw as loadTokenizer does. */
export async function openTokenizer(dir: string, options: LoadTokenizerOptions = {}): Promise<OpenTokenizer> {
  const { below = Number.POSITIVE_INFINITY } = options
  const name = tokenizerFileName(dir) ?? 'tokenizer.json'
  const path = join(dir, name)
  const fail: Fail = (what) => {
    const fix = 'Use the tokenizer.json of a Gemma, Llama or Mistral checkpoint.'
    throw new TetherError('bad_tokenizer', `${path} ${what}. ${fix}`)
  }
  const bytes = await readBytes(path)
  const source = name === 'tokenizer.json' ? json(bytes, fail) : await converted(dir, name, bytes, fail)
  return {
    key: `${Buffer.from(source.key).toString('hex')}/${below}`,
    async load() {
      const parts = within(await readParts(source, options, fail), below, path)
      try {
        return makeTokenizer(parts, fail)
      } catch (error) {
        if (error instanceof TetherError && error.code === 'bad_tokenizer') throw error
        return fail(`cannot be used: ${(error as Error).message}`)
      }
    },
  }
}

/** A tokenizer's file, how it is read, and what the cache keeps it under. */
interface Source {
  bytes: Uint8Array
  /** All that decides what is read. */
  key: Uint8Array
  smallestCached: number
  /** `rest`: what the cache keeps beside the tables. */
  read(): Converted & { rest: string }
}

function json(bytes: Uint8Array, fail: Fail): Source {
  const key = createHash('sha256').update(bytes).digest()
  return { bytes, key, smallestCached: SMALLEST_CACHED, read: () => readJson(bytes, fail) }
}

/** A file of another kind, which needs the checkpoint's tokenizer_config.json beside it. */
async function converted(dir: string, name: TokenizerFileName, bytes: Uint8Array, fail: Fail): Promise<Source> {
  const configured = await readConfigured(dir)
  const key = createHash('sha256').update(name).update(JSON.stringify(configured)).update(bytes).digest()
  const read = () => {
    const raw = name === 'tekken.json' ? readTekken(bytes, fail) : readModel(bytes, fail)
    const file = addConfigured(raw.file, configured)
    if (file.added_tokens?.length === 0) return fail('has no special tokens, and tokenizer_config.json names none')
    return { ...raw, file, rest: JSON.stringify(file) }
  }
  return { bytes, key, smallestCached: SMALLEST_DERIVED, read }
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return withoutMark(await readRegularFile(path))
  } catch (cause) {
    const why = (cause as Error).message
    throw new TetherError(
      'bad_tokenizer',
      `${path} cannot be read (${why}). Download the file from the model's page.`,
      {
        cause,
      },
    )
  }
}

/** No prompt can reach an added token that the model has no row for. Any other such token is another model's. */
function within(parts: Parts, below: number, path: string): Parts {
  const { vocabulary } = parts.tables
  const added = new Set(parts.added.map(({ content }) => content))
  for (let id = vocabulary.spans.length / 2 - 1; id >= below; id -= 1) {
    const token = tokenText(vocabulary, id)
    if (token === undefined || token === '' || added.has(token)) continue
    throw new TetherError(
      'bad_tokenizer',
      `${path} has ids up to ${id}, but config.json says vocab_size ${below}; they belong to different checkpoints`,
    )
  }
  return { ...parts, added: parts.added.filter(({ id }) => id < below) }
}

/** Without the byte order mark that some editors write. */
function withoutMark(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes
}

async function readParts(source: Source, { cache }: LoadTokenizerOptions, fail: Fail): Promise<Parts> {
  if (cache === false || source.bytes.length < source.smallestCached) return readFresh(source.read())
  const folder = cache ?? join(homedir(), '.tether', 'cache', 'tokenizers')
  const saved = await readTables(folder, source.key)
  if (saved) {
    const file = parse(saved.rest, fail)
    return { file, added: readAdded(file, saved.tables.vocabulary), tables: saved.tables }
  }
  const fresh = source.read()
  const parts = readFresh(fresh)
  // A unigram's scores are no part of the tables, and its file is read as fast.
  if (fresh.file.model.type !== 'Unigram')
    await writeTables(folder, source.key, { tables: parts.tables, rest: fresh.rest })
  return parts
}

function readFresh({ file, vocabulary, triples }: Converted): Parts {
  const added = readAdded(file, vocabulary)
  const closed = new Set(controlTokens(added).keys())
  return { file, added, tables: makeTables(file.model, vocabulary, triples, closed) }
}

function readJson(bytes: Uint8Array, fail: Fail): Converted & { rest: string } {
  const { rest, vocabulary, triples } = scan(bytes, fail)
  const file = parse(rest, fail)
  if (file.model.type !== 'Unigram') return { file, vocabulary, triples, rest }
  const tokens = file.model.vocab.map(([token]) => token)
  return { file, vocabulary: listVocabulary(tokens, tokens.length), triples, rest }
}

/** A tokenizer.model is SentencePiece's, or a list of ranks. */
function readModel(bytes: Uint8Array, fail: Fail): Converted {
  return isSentencePiece(bytes) ? readSentencePiece(bytes, fail) : readTiktoken(bytes, fail)
}

function parse(text: string, fail: Fail): TokenizerFile {
  let json: unknown
  try {
    json = parsePythonJson(text)
  } catch {
    return fail('is not JSON')
  }
  return checkFile(json, fail)
}
