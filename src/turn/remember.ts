/** The stage that watches an answer pass, and gives it to the memory when the model ended it by itself. */
import type { ChatPart } from '../chat/types.js'
import type { TokenBatch } from '../engine/types.js'
import type { TurnMemory } from './turn-memory.js'
import type { TurnPart, TurnRecord } from './types.js'

export interface Remembering {
  /** Passes tokens on and keeps them. */
  tokens(batches: AsyncIterable<TokenBatch>): AsyncGenerator<TokenBatch, void, undefined>
  /**
   * Passes parts on. With the finish the turn is remembered, unless `signal` has fired: an answer that was cut at a stop
   * sequence or after its first call is not all that the model generated.
   */
  parts(parts: AsyncIterable<TurnPart>, signal: AbortSignal): AsyncGenerator<TurnPart, void, undefined>
}

export function rememberTurn(
  memory: Pick<TurnMemory, 'remember'>,
  { rememberAt, thinking }: Pick<TurnRecord, 'rememberAt' | 'thinking'>,
): Remembering {
  const all: number[] = []
  return {
    async *tokens(batches) {
      for await (const batch of batches) {
        for (const token of batch.tokens) all.push(token)
        yield batch
      }
    },
    async *parts(parts, signal) {
      const answer: ChatPart[] = []
      for await (const part of parts) {
        if (part.type === 'finish' && rememberAt !== undefined && !signal.aborted) {
          const generated = { tokens: Int32Array.from(all), thinking }
          memory.remember({ context: rememberAt, parts: answer, generated })
        }
        add(answer, part)
        yield part
      }
    },
  }
}

/** Neighbouring texts, and neighbouring thoughts, are one part. */
function add(answer: ChatPart[], part: TurnPart): void {
  const last = answer.at(-1)
  if (part.type === 'tool_call') answer.push(part)
  else if (part.type !== 'text' && part.type !== 'thinking') return
  else if (last?.type === part.type) last.text += part.text
  else answer.push({ ...part })
}
