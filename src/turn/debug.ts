/** Reports a turn to a debug hook while it runs. */
import type { PromptPiece, Tokenizer } from '../chat/types.js'
import type { Finish, TokenBatch } from '../engine/types.js'
import type { Dropped } from './drop-oldest.js'

/** One turn. Calls come in this order; what did not happen is not called. `ended` is always called, once and last. */
export interface DebugTurn {
  /** The prompt as it was rendered, and its tokens. Turns that the model itself generated may be there as tokens. */
  prompted(pieces: PromptPiece[], tokens: Int32Array, dropped: Dropped | undefined): void
  /** Tokens as they were generated. */
  generated(tokens: Int32Array): void
  finished(finish: Finish): void
  failed(error: unknown): void
  ended(): void
}

/** Called with each request, as it came in. */
export type DebugHook = (request: unknown, tokenizer: Pick<Tokenizer, 'stream'>) => DebugTurn

/** Passes batches on and reports them. */
export async function* noteBatches(
  batches: AsyncIterable<TokenBatch>,
  debug: DebugTurn,
): AsyncGenerator<TokenBatch, void, undefined> {
  for await (const batch of batches) {
    debug.generated(batch.tokens)
    if (batch.finish) debug.finished(batch.finish)
    yield batch
  }
}
