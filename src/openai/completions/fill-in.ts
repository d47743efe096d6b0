/** How models that were trained to fill a gap are asked to: by control tokens, in the order of their training. */
import type { Piece, Tokenizer } from '../../chat/types.js'

interface FillIn {
  /** Control tokens around the texts, all of which the tokenizer must have. */
  tokens: string[]
  prompt(prefix: string, suffix: string, tokens: string[]): Piece[]
  /** Control tokens that say that the gap is filled; those that the tokenizer lacks are ignored. */
  ends: string[]
}

const control = (token: string | undefined): Piece => ({ control: token as string })

/** The text before the gap, the text after it, and then what is between them. */
const prefixFirst: FillIn['prompt'] = (prefix, suffix, [before, after, middle]) => [
  control(before),
  prefix,
  control(after),
  suffix,
  control(middle),
]

const KINDS: FillIn[] = [
  {
    tokens: ['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>'],
    prompt: prefixFirst,
    ends: ['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>', '<|fim_pad|>', '<|file_separator|>', '<|file_sep|>'],
  },
  // Code Llama.
  { tokens: ['▁<PRE>', '▁<SUF>', '▁<MID>'], prompt: prefixFirst, ends: ['▁<EOT>'] },
  // Codestral: what is between them continues the text before the gap.
  {
    tokens: ['[SUFFIX]', '[PREFIX]'],
    prompt: (prefix, suffix, [after, before]) => [control(after), suffix, control(before), prefix],
    ends: [],
  },
]

/** undefined: this model cannot fill a gap. */
export function fillIn(
  tokenizer: Pick<Tokenizer, 'controls' | 'id'>,
  prefix: string,
  suffix: string,
): { pieces: Piece[]; endTokens: number[] } | undefined {
  const kind = KINDS.find(({ tokens }) => tokens.every((token) => tokenizer.controls.includes(token)))
  if (!kind) return undefined
  const pieces = kind.prompt(prefix, suffix, kind.tokens).filter((piece) => piece !== '')
  return { pieces, endTokens: kind.ends.map((token) => tokenizer.id(token)).filter((token) => token !== undefined) }
}
