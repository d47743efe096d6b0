/** Stages that end an answer early: at a stop sequence in its visible text, or after its first tool call. */
import type { GeneratedPart } from './read-answer.js'
import { stopSearch } from './stop-search.js'

/**
 * Cuts the text before the first stop sequence, calls `stop` to end the generation, and then waits only for its end.
 * Thinking and tool inputs are not searched: the caller does not see them while they are generated.
 * Only text that may still become a sequence is held back, so the cut does not depend on how the text arrives.
 */
export async function* stopAtSequence(
  parts: AsyncIterable<GeneratedPart>,
  sequences: string[],
  stop: () => void,
): AsyncGenerator<GeneratedPart, void, undefined> {
  const search = stopSearch(sequences)
  let met: string | undefined
  for await (const part of parts) {
    if (met !== undefined) {
      if (part.type === 'end') yield { ...part, finish: { ...part.finish, reason: 'stop' }, stopSequence: met }
      continue
    }
    if (part.type !== 'text') {
      const held = search.rest()
      if (held) yield { type: 'text', text: held }
      yield part
      continue
    }
    const found = search.push(part.text)
    if (found.text !== '') yield { type: 'text', text: found.text }
    met = found.met
    if (met !== undefined) stop()
  }
}

/** Passes on one call, then calls `stop` to end the generation. */
export async function* stopAfterCall(
  parts: AsyncIterable<GeneratedPart>,
  stop: () => void,
): AsyncGenerator<GeneratedPart, void, undefined> {
  let called = false
  for await (const part of parts) {
    if (!called) yield part
    else if (part.type === 'end') yield { ...part, finish: { ...part.finish, reason: 'stop' } }
    if (called || part.type !== 'tool_call') continue
    called = true
    stop()
  }
}
