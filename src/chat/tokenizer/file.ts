/** The parts of tokenizer.json that matter here, typed as loosely as files are written. */

/** Throws an error that begins with the file's path: `fail('has no model')`. */
export type Fail = (what: string) => never

export interface TokenizerFile {
  added_tokens?: AddedTokenEntry[]
  normalizer?: Step | null
  pre_tokenizer?: Step | null
  post_processor?: Step | null
  decoder?: Step | null
  model: BpeEntry | UnigramEntry
  /** Of files that are not tokenizer.json: added tokens have the ids that are written, also those above the vocabulary. */
  exact_ids?: boolean
}

export interface AddedTokenEntry {
  id: number
  content: string
  special?: boolean
  normalized?: boolean
  lstrip?: boolean
  rstrip?: boolean
  single_word?: boolean
  /** Searched in the normalized text as it is, without being normalized itself. */
  verbatim?: boolean
}

export interface BpeEntry {
  type?: 'BPE'
  vocab: Record<string, number>
  /** "a b", or in newer files ["a", "b"]. */
  merges: (string | [string, string])[]
  unk_token?: string | null
  byte_fallback?: boolean
  fuse_unk?: boolean
  ignore_merges?: boolean
  dropout?: number | null
  continuing_subword_prefix?: string | null
  end_of_word_suffix?: string | null
}

export interface UnigramEntry {
  type: 'Unigram'
  vocab: [string, number][]
  unk_id?: number | null
  byte_fallback?: boolean
  /** Of SentencePiece's files: sums are kept in float32, and these ids are treated apart. */
  single_precision?: boolean
  normal?: number[]
  user_defined?: number[]
  unused?: number[]
}

/** One normalizer, pre-tokenizer, post-processor or decoder: a type and its own fields. */
export interface Step {
  type: string
  [field: string]: unknown
}

/** A step, or the steps of a sequence, which are under `field`. */
export function flatten(step: Step | null | undefined, field: 'normalizers' | 'pretokenizers'): Step[] {
  if (!step) return []
  return step.type === 'Sequence' ? ((step[field] ?? []) as Step[]).flatMap((one) => flatten(one, field)) : [step]
}

/** A field that is one character in the reference. */
export function readCharacter(value: unknown, fail: Fail): string {
  if (typeof value === 'string' && value !== '' && String.fromCodePoint(value.codePointAt(0) as number) === value)
    return value
  return fail(`has a ${JSON.stringify(value)?.slice(0, 100)} where one character belongs`)
}

/** Checks the whole file; calls `fail` with what is wrong. */
export function checkFile(json: unknown, fail: Fail): TokenizerFile {
  const file = json as TokenizerFile | null
  const model = file?.model
  if (typeof model !== 'object' || model === null) return fail('has no model')
  if (model.type === 'Unigram') checkUnigram(model, fail)
  else checkBpe(model, fail)
  const added = file?.added_tokens ?? []
  if (!Array.isArray(added)) return fail('has added_tokens that are not a list')
  for (const token of added) {
    if (typeof token?.content !== 'string' || !Number.isInteger(token.id)) {
      return fail('has an added token without id and content')
    }
  }
  return file as TokenizerFile
}

function checkBpe(model: BpeEntry, fail: Fail): void {
  const type: string = model.type ?? 'BPE'
  if (type !== 'BPE') fail(`holds a ${type} model, and only BPE and Unigram are supported`)
  if (typeof model.vocab !== 'object' || model.vocab === null) fail('has no model.vocab')
  if (!Array.isArray(model.merges)) fail('has no model.merges')
  for (const field of ['dropout', 'continuing_subword_prefix', 'end_of_word_suffix'] as const) {
    if (model[field]) fail(`sets model.${field}, which is not supported`)
  }
}

function checkUnigram(model: UnigramEntry, fail: Fail): void {
  if (!Array.isArray(model.vocab) || model.vocab.length === 0) fail('has no model.vocab')
  for (const entry of model.vocab) {
    if (!Array.isArray(entry) || typeof entry[0] !== 'string' || !Number.isFinite(entry[1])) {
      fail(`has an entry of model.vocab that is not a token and its score: ${JSON.stringify(entry)}`)
    }
  }
  const unknown = model.unk_id ?? 0
  if (!Number.isInteger(unknown) || unknown < 0 || unknown >= model.vocab.length) {
    fail('has a model.unk_id that is not in its vocabulary')
  }
}
