/** A raw prompt, without any chat around it, to a prepared turn. */
import type { PromptPiece, Tokenizer } from '../chat/types.js'
import type { PreparedTurn, TurnRecord } from './types.js'

/** What is asked besides the prompt. */
export type RawRequest = Pick<
  TurnRecord,
  'model' | 'stream' | 'maxTokens' | 'stopSequences' | 'sampling' | 'ignoredFields' | 'echo' | 'endTokens'
>

/** `keepPieces`: the record has `pieces`, as a debug hook wants them. */
export function prepareRaw(
  tokens: Int32Array,
  request: RawRequest,
  { pieces, keepPieces = false }: { pieces: PromptPiece[]; keepPieces?: boolean },
): PreparedTurn {
  const record: TurnRecord = {
    ...request,
    isRaw: true,
    parallelCalls: true,
    noCalls: false,
    callIdPrefix: '',
    tools: [],
    thinking: false,
    begun: [],
    inThought: false,
    pieces: keepPieces ? pieces : undefined,
  }
  return { tokens, forks: new Int32Array(0), record }
}

/** A text in which control tokens count as such. A prompt that has its own bos gets no second one. */
export function encodeRaw(tokenizer: Pick<Tokenizer, 'encode' | 'prefix'>, text: string): Int32Array {
  return withPrefix(tokenizer, tokenizer.encode(text, { special: true }))
}

/** The tokenizer's own prefix (bos) before the tokens, unless they begin with it. */
export function withPrefix({ prefix }: Pick<Tokenizer, 'prefix'>, tokens: Int32Array): Int32Array {
  if (prefix.length > 0 && prefix.every((id, i) => tokens[i] === id)) return tokens
  const all = new Int32Array(prefix.length + tokens.length)
  all.set(prefix)
  all.set(tokens, prefix.length)
  return all
}
