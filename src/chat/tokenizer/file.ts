/** The parts of tokenizer.json that matter here, typed as loosely as files are written. */

/** Throws an error that begins with the file's path: `fail('has no model')`. */
export type Fail = (what: string) => never

export interface TokenizerFile {
  added_tokens?: AddedTokenEntry[]
  normalizer?: Step | null
  pre_tokenizer?: Step | null
  post_processor?: Step | null
  decoder?: Step | null
  model: BpeEntry
}

export interface AddedTokenEntry {
  id: number
  content: string
  special?: boolean
  normalized?: boolean
  lstrip?: boolean
  rstrip?: boolean
  single_word?: boolean
}

export interface BpeEntry {
  type?: string
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

/** One normalizer, pre-tokenizer, post-processor or decoder: a type and its own fields. */
export interface Step {
  type: string
  [field: string]: unknown
}

/** Checks the whole file; calls `fail` with what is wrong. */
export function checkFile(json: unknown, fail: Fail): TokenizerFile {
  const file = json as TokenizerFile | null
  const model = file?.model
  if (typeof model !== 'object' || model === null) return fail('has no model')
  const type = model.type ?? 'BPE'
  if (type !== 'BPE') return fail(`holds a ${type} model, and only BPE is supported`)
  if (typeof model.vocab !== 'object' || model.vocab === null) return fail('has no model.vocab')
  if (!Array.isArray(model.merges)) return fail('has no model.merges')
  for (const field of ['dropout', 'continuing_subword_prefix', 'end_of_word_suffix'] as const) {
    if (model[field]) return fail(`sets model.${field}, which is not supported`)
  }
  const added = file?.added_tokens ?? []
  if (!Array.isArray(added)) return fail('has added_tokens that are not a list')
  for (const token of added) {
    if (typeof token?.content !== 'string' || !Number.isInteger(token.id)) {
      return fail('has an added token without id and content')
    }
  }
  return file as TokenizerFile
}
