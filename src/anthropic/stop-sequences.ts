/** Ends an answer early: at a stop sequence in its visible text, or after its first tool call. */
import type { Spoken } from './events.js'

/**
 * Cuts the text before the first stop sequence; `stop` then ends the generation, and only its finish is still awaited.
 * Thinking and tool inputs are not searched: a sequence there would break what the caller did not see being written.
 * Held back is only what may still become a sequence, so the cut does not depend on how the text arrives.
 */
export async function* stopAtSequence(
  spoken: AsyncIterable<Spoken>,
  sequences: string[],
  stop: () => void,
): AsyncGenerator<Spoken, void, undefined> {
  let held = ''
  let met: string | undefined
  for await (const part of spoken) {
    if (met !== undefined) {
      if (part.type === 'finish') yield { ...part, finish: { ...part.finish, reason: 'stop' }, stopSequence: met }
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

/** Lets one call through; `stop` then ends the generation. */
export async function* stopAfterCall(
  spoken: AsyncIterable<Spoken>,
  stop: () => void,
): AsyncGenerator<Spoken, void, undefined> {
  let called = false
  for await (const part of spoken) {
    if (!called) yield part
    else if (part.type === 'finish') yield { ...part, finish: { ...part.finish, reason: 'stop' } }
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
