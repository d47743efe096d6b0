/** tokenizer.model, as SentencePiece writes it, into the parts of a tokenizer.json. */
import { deriveMerges } from './derive-merges.js'
import type { AddedTokenEntry, Fail, Step, TokenizerFile, UnigramEntry } from './file.js'
import { readFields } from './protobuf.js'
import { listVocabulary, type Vocabulary } from './vocabulary.js'

/** What SentencePiece's files are read into; `triples`: left, right and result of each merge, by rank. */
export interface Converted {
  file: TokenizerFile
  vocabulary: Vocabulary
  triples: Int32Array
}

const NORMAL = 1
const UNKNOWN = 2
const CONTROL = 3
const USER_DEFINED = 4
const UNUSED = 5
const BYTE = 6
const UNIGRAM = 1
const BPE = 2
const MODEL_NAMES = ['unknown', 'unigram', 'BPE', 'word', 'character']

interface Piece {
  token: string
  score: number
  kind: number
}

interface Trainer {
  model: number
  byteFallback: boolean
  suffix: boolean
}

/** Fields of the normalizer, as SentencePiece names them. */
interface Spec {
  charsmap: Uint8Array
  dummyPrefix: boolean
  removeExtra: boolean
  /** escape_whitespaces: a space becomes ▁. */
  marksSpaces: boolean
}

/** Whether the file may be one of SentencePiece's: it begins with a piece. */
export function isSentencePiece(bytes: Uint8Array): boolean {
  return bytes[0] === 0x0a
}

export function readSentencePiece(bytes: Uint8Array, fail: Fail): Converted {
  const { pieces, trainer, spec } = readModel(bytes, fail)
  if (pieces.length === 0) return fail('has no pieces')
  if (trainer.model !== UNIGRAM && trainer.model !== BPE) {
    return fail(`holds a ${MODEL_NAMES[trainer.model] ?? trainer.model} model, and only BPE and unigram are supported`)
  }
  if (trainer.suffix) return fail('sets treat_whitespace_as_suffix, which is not supported')
  const unused = idsOf(pieces, UNUSED)
  if (trainer.model === BPE && unused.length > 0)
    return fail('is a BPE model with unused pieces, which is not supported')
  const vocabulary = listVocabulary(
    pieces.map(({ token }) => token),
    pieces.length,
  )
  const unknown = pieces.findIndex(({ kind }) => kind === UNKNOWN)
  const file: TokenizerFile = {
    added_tokens: addedTokens(pieces, trainer.model === UNIGRAM),
    exact_ids: true,
    normalizer: normalizerOf(spec, pieces),
    decoder: decoderOf(spec),
    model: { vocab: {}, merges: [], unk_token: pieces[unknown]?.token ?? null, fuse_unk: true },
  }
  if (trainer.model === BPE) {
    file.model = { ...file.model, type: 'BPE', vocab: {}, merges: [], byte_fallback: trainer.byteFallback }
    const apart = new Set([UNKNOWN, CONTROL, BYTE].flatMap((kind) => idsOf(pieces, kind)))
    const scores = Float64Array.from(pieces, ({ score }) => score)
    return { file, vocabulary, triples: deriveMerges({ vocabulary, apart, scores }, fail) }
  }
  file.model = unigramOf(pieces, unknown, trainer, unused)
  return { file, vocabulary, triples: new Int32Array(0) }
}

function unigramOf(pieces: Piece[], unknown: number, trainer: Trainer, unused: number[]): UnigramEntry {
  // Only normal pieces say what the worst score is; the others are not found, or have a score of their own.
  const normal = idsOf(pieces, NORMAL)
  const least = normal.reduce((score, id) => Math.min(score, pieces[id]?.score as number), 0)
  return {
    type: 'Unigram',
    vocab: pieces.map(({ token, score, kind }) => [token, kind === NORMAL ? score : Math.max(score, least)]),
    unk_id: unknown < 0 ? null : unknown,
    byte_fallback: trainer.byteFallback,
    single_precision: true,
    normal,
    user_defined: idsOf(pieces, USER_DEFINED),
    unused: [...unused, ...idsOf(pieces, BYTE), ...idsOf(pieces, CONTROL), ...idsOf(pieces, UNKNOWN)],
  }
}

function idsOf(pieces: Piece[], kind: number): number[] {
  return pieces.flatMap((piece, id) => (piece.kind === kind ? [id] : []))
}

/** Unigram gives the user's symbols a high score; BPE takes them out of the normalized text before it merges. */
function addedTokens(pieces: Piece[], unigram: boolean): AddedTokenEntry[] {
  return pieces.flatMap(({ token: content, kind }, id): AddedTokenEntry[] => {
    if (content === '') return []
    if (kind === CONTROL || kind === UNKNOWN) return [{ id, content, special: true }]
    if (kind !== USER_DEFINED || unigram) return []
    return [{ id, content, special: false, normalized: true, verbatim: true }]
  })
}

/** In the common form where that is enough, which is faster. */
function normalizerOf({ charsmap, dummyPrefix, removeExtra, marksSpaces }: Spec, pieces: Piece[]): Step | null {
  if (charsmap.length === 0 && !removeExtra && marksSpaces) {
    const replace = { type: 'Replace', pattern: { String: ' ' }, content: '▁' }
    return dummyPrefix ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, replace] } : replace
  }
  return {
    type: 'SentencePiece',
    charsmap: Buffer.from(charsmap).toString('base64'),
    dummy_prefix: dummyPrefix,
    remove_extra: removeExtra,
    escape: marksSpaces,
    user_defined: idsOf(pieces, USER_DEFINED).map((id) => pieces[id]?.token),
  }
}

function decoderOf({ dummyPrefix, removeExtra }: Spec): Step {
  const decoders: Step[] = [
    { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
  ]
  if (dummyPrefix || removeExtra) decoders.push({ type: 'Strip', content: ' ', start: 1, stop: 0 })
  return { type: 'Sequence', decoders }
}

function readModel(bytes: Uint8Array, fail: Fail): { pieces: Piece[]; trainer: Trainer; spec: Spec } {
  const pieces: Piece[] = []
  const trainer: Trainer = { model: UNIGRAM, byteFallback: false, suffix: false }
  const spec: Spec = { charsmap: new Uint8Array(0), dummyPrefix: true, removeExtra: true, marksSpaces: true }
  for (const field of readFields(bytes)) {
    if (!field) return fail('is damaged: it is neither a SentencePiece model nor a list of ranks')
    if (field.number === 1) pieces.push(readPiece(field.bytes, fail))
    else if (field.number === 2) readTrainer(field.bytes, trainer, fail)
    else if (field.number === 3) readSpec(field.bytes, spec, fail)
  }
  return { pieces, trainer, spec }
}

function readPiece(bytes: Uint8Array, fail: Fail): Piece {
  const piece: Piece = { token: '', score: 0, kind: NORMAL }
  for (const field of readFields(bytes)) {
    if (!field) return fail('has a damaged piece')
    if (field.number === 1) piece.token = Buffer.from(field.bytes).toString('utf8')
    else if (field.number === 2 && field.bytes.length === 4) piece.score = Buffer.from(field.bytes).readFloatLE()
    else if (field.number === 3) piece.kind = field.value
  }
  if (!Number.isFinite(piece.score)) return fail(`has a piece without a score: ${JSON.stringify(piece.token)}`)
  return piece
}

function readTrainer(bytes: Uint8Array, trainer: Trainer, fail: Fail): void {
  for (const field of readFields(bytes)) {
    if (!field) fail('has a damaged trainer_spec')
    if (field.number === 3) trainer.model = field.value
    else if (field.number === 35) trainer.byteFallback = field.value !== 0
    else if (field.number === 24) trainer.suffix = field.value !== 0
  }
}

function readSpec(bytes: Uint8Array, spec: Spec, fail: Fail): void {
  for (const field of readFields(bytes)) {
    if (!field) fail('has a damaged normalizer_spec')
    if (field.number === 2) spec.charsmap = field.bytes
    else if (field.number === 3) spec.dummyPrefix = field.value !== 0
    else if (field.number === 4) spec.removeExtra = field.value !== 0
    else if (field.number === 5) spec.marksSpaces = field.value !== 0
  }
}
