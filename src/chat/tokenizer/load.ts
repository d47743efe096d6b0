/** tokenizer.json to a Tokenizer that gives the ids Hugging Face's `tokenizers` gives. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TetherError } from '../../errors.js'
import type { Piece, PromptPiece, Tokenizer, TokenStream } from '../types.js'
import { type FindTokens, isControl, makeFinder } from './added-tokens.js'
import { makeBpe } from './bpe.js'
import { type Decoder, readDecoder } from './decoder.js'
import { type AddedTokenEntry, checkFile, type Fail, type Step } from './file.js'
import { readNormalizer } from './normalizer.js'
import { readPreTokenizer } from './pre-tokenizer.js'

/** Reads `tokenizer.json` in a model's folder. Throws `bad_tokenizer`, naming the file and the fix. */
export async function loadTokenizer(dir: string): Promise<Tokenizer> {
  const path = join(dir, 'tokenizer.json')
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (cause) {
    throw new TetherError('bad_tokenizer', `${path} cannot be read; get the file from the model's page`, { cause })
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new TetherError('bad_tokenizer', `${path} is not JSON; get the file again`, { cause })
  }
  return makeTokenizer(json, (what) => {
    throw new TetherError('bad_tokenizer', `${path} ${what}; use the tokenizer.json of a Gemma or Llama checkpoint`)
  })
}

function makeTokenizer(json: unknown, fail: Fail): Tokenizer {
  const file = checkFile(json, fail)
  const vocab = new Map(Object.entries(file.model.vocab))
  const added = (file.added_tokens ?? []).map((token) => ({ ...token, id: vocab.get(token.content) ?? token.id }))
  const controls = new Map(added.filter(isControl).map((token) => [token.id, token.content]))
  const ids = new Map(vocab)
  for (const token of added) ids.set(token.content, token.id)
  const tokens: string[] = []
  let vocabSize = 0
  for (const [token, id] of ids) {
    if (!Number.isInteger(id) || id < 0) return fail(`gives ${JSON.stringify(token)} the id ${id}`)
    tokens[id] = token
    vocabSize = Math.max(vocabSize, id + 1)
  }

  const normalize = readNormalizer(file.normalizer, fail)
  const preTokenize = readPreTokenizer(file.pre_tokenizer, fail)
  const bpe = makeBpe(file.model, vocab, new Set(controls.keys()), fail)
  const finders = (some: AddedTokenEntry[]): { raw: FindTokens; normalized: FindTokens } => ({
    raw: makeFinder(some.filter((token) => !token.normalized)),
    normalized: makeFinder(
      some.filter((token) => token.normalized),
      normalize,
    ),
  })
  const everything = finders(added)
  const plain = finders(added.filter((token) => !controls.has(token.id)))
  const decoder = readDecoder(file.decoder, fail)
  const tokenOf = (id: number) => tokens[id]

  const encodeInto = (text: string, special: boolean, out: number[]): void => {
    const { raw, normalized } = special ? everything : plain
    let first = true
    // Half a surrogate pair is no character; every UTF-8 writer makes it U+FFFD.
    for (const stretch of raw(text.replace(/\p{Surrogate}/gu, '\ufffd'))) {
      const inner = typeof stretch === 'number' ? [stretch] : normalized(normalize(stretch))
      for (const part of inner) {
        if (typeof part === 'number') out.push(part)
        else for (const word of preTokenize([part], first)) if (word !== '') bpe.encode(word, out)
        first = false
      }
    }
  }
  const stream = () => makeStream(decoder, tokenOf, controls)

  return {
    vocabSize,
    prefix: Int32Array.from(readPrefix(file.post_processor, fail)),
    encode(text, { special }) {
      const out: number[] = []
      encodeInto(text, special, out)
      return Int32Array.from(out)
    },
    encodePrompt(prompt) {
      const out: number[] = []
      for (const piece of joinNeighbours(prompt)) {
        if (typeof piece === 'string') {
          encodeInto(piece, false, out)
          continue
        }
        if ('tokens' in piece) {
          for (const id of piece.tokens) out.push(id)
          continue
        }
        const id = ids.get(piece.control)
        if (id === undefined) return fail(`has no token ${piece.control}, which the prompt needs`)
        out.push(id)
      }
      return Int32Array.from(out)
    },
    decode(list) {
      const text = stream()
      return [...text.push(list), ...text.end()].map((p) => (typeof p === 'string' ? p : p.control)).join('')
    },
    id: (token) => ids.get(token),
    controls: [...controls.values()],
    control: (id) => controls.get(id),
    stream,
  }
}

/** Strings that follow one another are one text: a token may reach across. */
function joinNeighbours(pieces: PromptPiece[]): PromptPiece[] {
  const joined: PromptPiece[] = []
  let run: string[] = []
  const flush = () => {
    const text = run.join('')
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

/** Ids without a token give nothing. */
function makeStream(
  decoder: Decoder,
  tokenOf: (id: number) => string | undefined,
  controls: Map<number, string>,
): TokenStream {
  const decoding = decoder()
  return {
    push(tokens) {
      const pieces: Piece[] = []
      let out: string[] = []
      for (const id of tokens) {
        const control = controls.get(id)
        if (control === undefined) {
          const token = tokenOf(id)
          if (token !== undefined) decoding.push(token, out)
          continue
        }
        decoding.flush(out)
        pieces.push(out.join(''), { control })
        out = []
      }
      pieces.push(out.join(''))
      return pieces.filter((piece) => piece !== '')
    },
    end() {
      const out: string[] = []
      decoding.flush(out)
      const text = out.join('')
      return text === '' ? [] : [text]
    },
  }
}

/** What the post-processor puts before a single text. */
function readPrefix(step: Step | null | undefined, fail: Fail): number[] {
  if (!step || step.type === 'ByteLevel') return []
  if (step.type === 'Sequence') {
    return ((step.processors ?? []) as Step[]).flatMap((inner) => readPrefix(inner, fail))
  }
  if (step.type !== 'TemplateProcessing') return fail(`has a post-processor of the unknown type ${step.type}`)
  const single = (step.single ?? []) as { SpecialToken?: { id: string }; Sequence?: unknown }[]
  const tokens = (step.special_tokens ?? {}) as Record<string, { ids: number[] }>
  const start = single.findIndex((part) => part.Sequence !== undefined)
  return single.slice(0, Math.max(0, start)).flatMap((part) => {
    const ids = part.SpecialToken && tokens[part.SpecialToken.id]?.ids
    return ids ?? fail(`has a template with the unknown token ${part.SpecialToken?.id}`)
  })
}
