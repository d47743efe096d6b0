/** A tokenizer.json, read into its parts, as a Tokenizer that gives the ids Hugging Face's `tokenizers` gives. */
import type { PromptPiece, Tokenizer } from '../types.js'
import { isControl } from './added-tokens.js'
import { type BpeOptions, byteLevelTokens, makeBpe, type WordEncoder } from './bpe.js'
import { readDecoder } from './decoder.js'
import { makeEncoder } from './encoder.js'
import { type AddedTokenEntry, type Fail, flatten, type Step, type TokenizerFile } from './file.js'
import { Ids } from './ids.js'
import { makeMemory } from './memory.js'
import { readNormalizer } from './normalizer.js'
import { readPrefix } from './post-processor.js'
import { endsInBytes, isHandWritten, readPreTokenizer } from './pre-tokenizer.js'
import { makeStream } from './stream.js'
import type { Tables } from './tables.js'
import { tokenBytes } from './token-bytes.js'
import { makeUnigram } from './unigram.js'
import { findToken, tokenText, type Vocabulary } from './vocabulary.js'

/** An added token under the id that it has in the reference. */
export function readAdded(file: TokenizerFile, vocabulary: Vocabulary): AddedTokenEntry[] {
  if (file.exact_ids) return file.added_tokens ?? []
  const encoder = new TextEncoder()
  const scratch = new Uint8Array(1024)
  const known = new Map<string, number>()
  // The reference numbers tokens that the vocabulary lacks from its size on, whatever the file says.
  let next = vocabulary.count
  const added: AddedTokenEntry[] = []
  for (const token of file.added_tokens ?? []) {
    if (token.content === '') continue
    const { read, written } = encoder.encodeInto(token.content, scratch)
    const found = read === token.content.length ? findToken(vocabulary, scratch, 0, written) : -1
    const id = known.get(token.content) ?? (found >= 0 ? found : next++)
    known.set(token.content, id)
    added.push(id === token.id ? token : { ...token, id })
  }
  return added
}

/** Control tokens by id: no text may encode to them. */
export function controlTokens(added: AddedTokenEntry[]): Map<number, string> {
  const controls = new Map<number, string>()
  for (const token of added) if (isControl(token)) controls.set(token.id, token.content)
  return controls
}

export interface Parts {
  file: TokenizerFile
  added: AddedTokenEntry[]
  tables: Tables
}

export function makeTokenizer({ file, added, tables }: Parts, fail: Fail): Tokenizer {
  const { vocabulary } = tables
  const controls = controlTokens(added)
  const addedIds = new Map<string, number>()
  let vocabSize = vocabulary.spans.length / 2
  for (const token of added) {
    addedIds.set(token.content, token.id)
    vocabSize = Math.max(vocabSize, token.id + 1)
  }
  const normalizer = readNormalizer(file.normalizer, fail)
  // Decoding gives normalized text, for added tokens too.
  const contents = new Map<number, string>()
  for (const { id, content, normalized, verbatim } of added) {
    contents.set(id, normalized && !verbatim ? normalizer.normalize(content) : content)
  }
  const preTokenizer = readPreTokenizer(file.pre_tokenizer, { bytesInModel: readsBytes(file, vocabulary) }, fail)
  const closed = new Set(controls.keys())
  const model = makeModel(file.model, { tables, closed, byteLevel: preTokenizer.byteLevel }, fail)
  const steps = { normalizer, preTokenizer, model }
  const everything = makeEncoder(added, steps)
  const plain = makeEncoder(
    added.filter((token) => !controls.has(token.id)),
    steps,
  )
  const memory = makeMemory(plain)
  const decoder = readDecoder(file.decoder, fail)
  const spell = tokenBytes(file.decoder)
  const tokenOf = (id: number) => contents.get(id) ?? tokenText(vocabulary, id)
  const stream = () => makeStream(decoder, tokenOf, controls)
  const id = (token: string) => {
    const bytes = Buffer.from(token)
    const found = findToken(vocabulary, bytes, 0, bytes.length)
    return addedIds.get(token) ?? (found < 0 ? undefined : found)
  }

  return {
    vocabSize,
    isQuick: isQuick(file),
    prefix: Int32Array.from(readPrefix(file.post_processor, fail)),
    encode(text, { special }) {
      const out = new Ids()
      // Half a surrogate pair is not a character; UTF-8 writers replace it by U+FFFD.
      const encoder = special ? everything : plain
      encoder.encode(text.toWellFormed(), out, true)
      return out.since(0)
    },
    encodePrompt(prompt) {
      const out = new Ids()
      for (const [i, piece] of joinNeighbours(prompt).entries()) {
        if (typeof piece === 'string') {
          memory.encode(piece.toWellFormed(), out, i === 0)
          continue
        }
        if ('tokens' in piece) {
          out.append(piece.tokens, 0, piece.tokens.length)
          continue
        }
        const control = id(piece.control)
        if (control === undefined) return fail(`has no token ${piece.control}, which the prompt needs`)
        out.push(control)
      }
      return out.since(0)
    },
    decode(list) {
      const text = stream()
      return [...text.push(list), ...text.end()].map((p) => (typeof p === 'string' ? p : p.control)).join('')
    },
    id,
    bytes(token) {
      const text = controls.has(token) ? undefined : tokenOf(token)
      return text === undefined ? undefined : spell(text)
    },
    controls: [...controls.values()],
    control: (token) => controls.get(token),
    stream,
  }
}

/** Patterns of the file cost more than ours, and a unigram looks as far ahead as its longest token. */
function isQuick({ model, normalizer, pre_tokenizer }: TokenizerFile): boolean {
  const isPlain = ({ type, pattern }: Step) =>
    type !== 'Precompiled' && type !== 'SentencePiece' && !(pattern as { Regex?: string } | undefined)?.Regex
  if (model.type === 'Unigram' || !flatten(normalizer, 'normalizers').every(isPlain)) return false
  return isHandWritten(pre_tokenizer) || flatten(pre_tokenizer, 'pretokenizers').every(isPlain)
}

function makeModel(model: TokenizerFile['model'], options: BpeOptions, fail: Fail): WordEncoder {
  return model.type === 'Unigram' ? makeUnigram(model, options, fail) : makeBpe(model, options, fail)
}

/** Whether BPE may read bytes itself: not if the ones without a token become something else than nothing. */
function readsBytes({ model, pre_tokenizer }: TokenizerFile, vocabulary: Vocabulary): boolean {
  if (model.type === 'Unigram' || !endsInBytes(pre_tokenizer)) return false
  return !byteLevelTokens(vocabulary).includes(-1) || !(model.unk_token || model.byte_fallback)
}

/** Neighbouring strings become one text: a token may cross from one to the next. */
function joinNeighbours(pieces: PromptPiece[]): PromptPiece[] {
  const joined: PromptPiece[] = []
  let run: string[] = []
  const flush = () => {
    const text = run.length === 1 ? (run[0] as string) : run.join('')
    run = []
    if (text !== '') joined.push(text)
  }
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      run.push(piece)
      continue
    }
    flush()
    joined.push(piece)
  }
  flush()
  return joined
}
