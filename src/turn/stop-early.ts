/** Stages that end an answer early: at a stop sequence in its visible text, or after its first tool call. */
import type { GeneratedPart } from './read-answer.js'

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
  let held = ''
  let met: string | undefined
  for await (const part of parts) {
    if (met !== undefined) {
      if (part.type === 'end') yield { ...part, finish: { ...part.finish, reason: 'stop' }, stopSequence: met }
      continue
    }
    if (part.type !== 'text') {
      if (held) yield { type: 'text', text: held }
      held = ''
      yield part
      continue
    }
    held += part.text
    const match = firstMatch(held, sequences)
    const end = match ? match.start : held.length - pendingLength(held, sequences)
    if (end > 0) yield { type: 'text', text: held.slice(0, end) }
    held = held.slice(end)
    if (match) {
      met = match.sequence
      stop()
    }
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

/** The match that is complete first, as if the text had come character by character. */
export function firstMatch(text: string, sequences: string[]): { start: number; sequence: string } | undefined {
  let first: { start: number; end: number; sequence: string } | undefined
  for (const sequence of sequences) {
    const start = text.indexOf(sequence)
    if (start < 0) continue
    const end = start + sequence.length
    if (!first || end < first.end || (end === first.end && start < first.start)) first = { start, end, sequence }
  }
  return first
}

/** How many of the last characters may be the beginning of a sequence. */
export function pendingLength(text: string, sequences: string[]): number {
  let longest = 0
  for (const sequence of sequences) {
    for (let n = Math.min(sequence.length - 1, text.length); n > longest; n--) {
      if (text.endsWith(sequence.slice(0, n))) longest = n
    }
  }
  return longest
}
