/** tokenizer.json to a Tokenizer. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { TetherError } from '../../errors.js'
import { parsePythonJson } from '../../python-json.js'
import type { Tokenizer } from '../types.js'
import { readTables, writeTables } from './cache.js'
import { checkFile, type Fail, type TokenizerFile } from './file.js'
import { scan } from './scan.js'
import { makeTables } from './tables.js'
import { controlTokens, makeTokenizer, type Parts, readAdded } from './tokenizer.js'
import { tokenText } from './vocabulary.js'

export interface LoadTokenizerOptions {
  /** The cache folder for tables of large tokenizers, which make the next load ten times faster. false: no cache. */
  cache?: string | false
  /** The model's vocabulary: added tokens with this id or a higher one are left out, since the model has none. */
  below?: number
}

/** A smaller file is read as fast as its cached tables would be. */
const SMALLEST_CACHED = 2_000_000

/**
 * Reads `tokenizer.json` in a model's folder. Throws `bad_tokenizer`, naming the file and the fix.
 * Tables of large files are kept in `~/.tether/cache/tokenizers` unless `cache` says otherwise.
 */
export async function loadTokenizer(dir: string, options: LoadTokenizerOptions = {}): Promise<Tokenizer> {
  const { below = Number.POSITIVE_INFINITY } = options
  const path = join(dir, 'tokenizer.json')
  const fail: Fail = (what) => {
    const fix = 'Use the tokenizer.json of a Gemma, Llama or Mistral checkpoint.'
    throw new TetherError('bad_tokenizer', `${path} ${what}. ${fix}`)
  }
  const parts = await readParts(await readBytes(path), options, fail)
  return makeTokenizer(within(parts, below, path), fail)
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return withoutMark(await readFile(path))
  } catch (cause) {
    throw new TetherError('bad_tokenizer', `${path} cannot be read. Download the file from the model's page.`, {
      cause,
    })
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

async function readParts(bytes: Uint8Array, { cache }: LoadTokenizerOptions, fail: Fail): Promise<Parts> {
  if (cache === false || bytes.length < SMALLEST_CACHED) return readFresh(bytes, fail).parts
  const folder = cache ?? join(homedir(), '.tether', 'cache', 'tokenizers')
  const key = createHash('sha256').update(bytes).digest()
  const saved = await readTables(folder, key)
  if (saved) {
    const file = parse(saved.rest, fail)
    return { file, added: readAdded(file, saved.tables.vocabulary), tables: saved.tables }
  }
  const { parts, rest } = readFresh(bytes, fail)
  await writeTables(folder, key, { tables: parts.tables, rest })
  return parts
}

function readFresh(bytes: Uint8Array, fail: Fail): { parts: Parts; rest: string } {
  const { rest, vocabulary, triples } = scan(bytes, fail)
  const file = parse(rest, fail)
  const added = readAdded(file, vocabulary)
  const closed = new Set(controlTokens(added).keys())
  return { parts: { file, added, tables: makeTables(file.model, vocabulary, triples, closed) }, rest }
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
