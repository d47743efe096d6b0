/** tokenizer.json to a Tokenizer. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { TetherError } from '../../errors.js'
import type { Tokenizer } from '../types.js'
import { readTables, writeTables } from './cache.js'
import { checkFile, type Fail, type TokenizerFile } from './file.js'
import { scan } from './scan.js'
import { makeTables } from './tables.js'
import { controlTokens, makeTokenizer, type Parts, readAdded } from './tokenizer.js'

export interface LoadTokenizerOptions {
  /** The cache folder for tables of large tokenizers, which make the next load ten times faster. false: no cache. */
  cache?: string | false
}

/** A smaller file is read as fast as its cached tables would be. */
const SMALLEST_CACHED = 2_000_000

/**
 * Reads `tokenizer.json` in a model's folder. Throws `bad_tokenizer`, naming the file and the fix.
 * Tables of large files are kept in `~/.tether/cache/tokenizers` unless `cache` says otherwise.
 */
export async function loadTokenizer(dir: string, options: LoadTokenizerOptions = {}): Promise<Tokenizer> {
  const path = join(dir, 'tokenizer.json')
  const fail: Fail = (what) => {
    const fix = 'Use the tokenizer.json of a Gemma, Llama or Mistral checkpoint.'
    throw new TetherError('bad_tokenizer', `${path} ${what}. ${fix}`)
  }
  return makeTokenizer(await readParts(await readBytes(path), options, fail), fail)
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new TetherError('bad_tokenizer', `${path} cannot be read. Download the file from the model's page.`, {
      cause,
    })
  }
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
    json = JSON.parse(text)
  } catch {
    return fail('is not JSON')
  }
  return checkFile(json, fail)
}
