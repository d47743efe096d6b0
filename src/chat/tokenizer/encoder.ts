/** Text to ids: added tokens first, then the normalizer, the pre-tokenizer and the model. */
import { type Finder, makeFinder } from './added-tokens.js'
import type { WordEncoder } from './bpe.js'
import type { AddedTokenEntry } from './file.js'
import type { Ids } from './ids.js'
import type { Normalizer } from './normalizer.js'
import type { PreTokenizer } from './pre-tokenizer.js'

/** Text to ids. Which added tokens it finds in the text is fixed when it is made. */
export interface Encoder {
  /** Appends the ids of a text, which is well-formed. `first`: nothing stands before it. */
  encode(text: string, out: Ids, first: boolean): void
  /** Whether a text may be cut between these two characters: the parts then encode to the ids of the whole. */
  mayCut(before: string, after: string): boolean
}

interface Steps {
  normalizer: Normalizer
  preTokenizer: PreTokenizer
  model: WordEncoder
}

export function makeEncoder(tokens: AddedTokenEntry[], { normalizer, preTokenizer, model }: Steps): Encoder {
  const { next } = preTokenizer
  const raw = makeFinder(tokens.filter((token) => !token.normalized))
  const normalized = makeFinder(
    tokens.filter((token) => token.normalized),
    normalizer.normalize,
  )

  const encodeStretch = (text: string, first: boolean, out: Ids) => {
    if (next) {
      for (let at = 0; at < text.length; ) {
        const end = next(text, at, text.length)
        model.encode(text, at, end, out)
        at = end
      }
      return
    }
    for (const word of preTokenizer.words(text, { first })) model.encode(word, 0, word.length, out)
  }

  return {
    encode(text, out, begins) {
      let first = begins
      for (const stretch of raw.find(text)) {
        if (first && preTokenizer.start && typeof stretch === 'string') first = normalizer.keepsStart?.(stretch) ?? true
        const parts = typeof stretch === 'number' ? [stretch] : normalized.find(normalizer.normalize(stretch))
        for (const part of parts) {
          if (typeof part === 'number') out.push(part)
          else encodeStretch(part, first, out)
          first = false
        }
      }
    },
    mayCut: (before, after) => mayCut([raw, normalized], { normalizer, preTokenizer, model }, before, after),
  }
}

/** No added token, word or merge may cross the cut, and the normalizer must not treat the start of a text specially. */
function mayCut(finders: Finder[], { normalizer, preTokenizer, model }: Steps, before: string, after: string): boolean {
  if (!normalizer.local || finders.some(({ looksAround }) => looksAround)) return false
  const pair = normalizer.normalize(before + after)
  if (finders.some(({ contents }) => contents.some((text) => text.includes(before + after) || text.includes(pair)))) {
    return false
  }
  if (preTokenizer.next)
    return preTokenizer.next(pair, 0, pair.length) === before.length && /[\p{L}\p{N}]\s/u.test(pair)
  return preTokenizer.local && preTokenizer.words(pair, { first: true }).length === 1 && model.mayCut(pair)
}
