/** What one turn was, told while it runs to whoever debugs it. Costs nothing where nobody asked. */
import type { PromptPiece, Tokenizer } from '../chat/types.js'
import type { Batch, Finish } from '../engine/types.js'
import type { Dropped } from './prompt.js'

/** One turn. Calls come in this order; what did not happen is not called, `ended` always is, once and last. */
export interface DebugTurn {
  /** The prompt as it was rendered, and its tokens. Turns that the model itself wrote may stand there as tokens. */
  prompted(pieces: PromptPiece[], tokens: Int32Array, dropped: Dropped | undefined): void
  /** Tokens as they were generated. */
  generated(tokens: Int32Array): void
  finished(finish: Finish): void
  failed(error: unknown): void
  ended(): void
}

/** Called when a request comes in, which is given as it came. */
export type DebugHook = (request: unknown, tokenizer: Pick<Tokenizer, 'stream'>) => DebugTurn

/** Passes batches on and tells of them. */
export async function* noteBatches(
  batches: AsyncIterable<Batch>,
  debug: DebugTurn,
): AsyncGenerator<Batch, void, undefined> {
  for await (const batch of batches) {
    debug.generated(batch.tokens)
    if (batch.finish) debug.finished(batch.finish)
    yield batch
  }
}
