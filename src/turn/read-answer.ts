/** The stage from tokens to parts: tokens become text, and the family's reader finds thoughts and calls in it. */
import type { OutputReader, Part, Piece, Tokenizer } from '../chat/types.js'
import type { Finish, TokenBatch } from '../engine/types.js'

/** How the generation ended: the last item of every stage between the engine and the turn's own parts. */
export interface GenerationEnd {
  type: 'end'
  finish: Finish
  /** The stop sequence that ended the text. */
  stopSequence?: string
  /** Of the tokens generated: the text of thoughts in tokens. */
  thinkingTokens: number
}

/** What the model generates: parts without ids, then how it ended. */
export type GeneratedPart = Part | GenerationEnd

/** `begun`: the beginning of the answer that stands in the prompt already. */
export async function* readAnswer(
  batches: AsyncIterable<TokenBatch>,
  tokenizer: Pick<Tokenizer, 'stream' | 'encode'>,
  reader: OutputReader,
  begun: Piece[],
): AsyncGenerator<GeneratedPart, void, undefined> {
  const text = tokenizer.stream()
  const thoughts: string[] = []
  const seen = (parts: Part[]) => {
    for (const part of parts) if (part.type === 'thinking') thoughts.push(part.text)
    return parts
  }
  for (const piece of begun) yield* seen(reader.push(piece))
  for await (const { tokens, finish } of batches) {
    for (const piece of text.push(tokens)) yield* seen(reader.push(piece))
    if (!finish) continue
    for (const piece of text.end()) yield* seen(reader.push(piece))
    yield* seen(reader.end(finish.reason === 'stop' ? 'stop' : 'length'))
    const thought = tokenizer.encode(thoughts.join(''), { special: false }).length
    yield { type: 'end', finish, thinkingTokens: Math.min(thought, finish.outputTokens) }
  }
}
