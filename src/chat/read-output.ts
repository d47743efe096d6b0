/** Raw generated text to parts, outside of any server: for tests, logs and bug reports. */
import { TetherError } from '../errors.js'
import { FAMILIES } from './families.js'
import type { ChatTool, Part, Piece, ReadEnd } from './types.js'

export interface ReadOutputOptions {
  /** `gemma4` or `llama3`. */
  family: string
  /** What may be called. Unset: every name passes. */
  tools?: ChatTool[]
  /** Why the text ended; `length` means that it was cut off. Default: `stop`. */
  finish?: ReadEnd
}

/**
 * Control tokens may be given as such, `{ control: '<|tool_call>' }`; in a plain string the family's markers are
 * recognised as they are written.
 *
 * @example
 * readOutput(['<|tool_call>call:Bash{command:<|"|>ls<|"|>}<tool_call|>'], { family: 'gemma4' })
 * // [{ type: 'tool_call', name: 'Bash', input: { command: 'ls' } }]
 */
export function readOutput(chunks: Iterable<Piece>, options: ReadOutputOptions): Part[] {
  const family = FAMILIES[options.family]
  if (!family) {
    const known = Object.keys(FAMILIES).join(', ')
    throw new TetherError('unsupported_model', `there is no family "${options.family}"; there are: ${known}`)
  }
  const reader = family.reader({ tools: options.tools })
  const parts: Part[] = []
  for (const piece of toPieces(chunks, family.markers)) parts.push(...reader.push(piece))
  parts.push(...reader.end(options.finish ?? 'stop'))
  return merge(parts)
}

function toPieces(chunks: Iterable<Piece>, markers: string[]): Piece[] {
  const pattern = new RegExp(`(${markers.map((marker) => marker.replace(/[|"<>]/g, '\\$&')).join('|')})`)
  const joined: Piece[] = []
  for (const chunk of chunks) {
    const last = joined.at(-1)
    // A marker may be cut between two strings.
    if (typeof chunk === 'string' && typeof last === 'string') joined[joined.length - 1] = last + chunk
    else joined.push(chunk)
  }
  return joined.flatMap((piece) => {
    if (typeof piece !== 'string') return [piece]
    return piece.split(pattern).map((text, i) => (i % 2 ? { control: text } : text))
  })
}

function merge(parts: Part[]): Part[] {
  const merged: Part[] = []
  for (const part of parts) {
    const last = merged.at(-1)
    if (last && last.type !== 'tool_call' && last.type === part.type) last.text += part.text
    else merged.push({ ...part })
  }
  return merged
}
