/** Answers as an engine generates them: control tokens, and text in pieces of any length. */
import type { ChatTool, OutputFormat, Part, Piece, ReadEnd } from '../../src/chat/types.js'
import type { Random } from './chat-random.js'

/** A raw answer with the format's markers as control tokens. */
export function toPieces(raw: string, { markers }: Pick<OutputFormat, 'markers'>): Piece[] {
  if (markers.length === 0) return raw === '' ? [] : [raw]
  const pattern = new RegExp(`(${markers.map((one) => one.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')})`)
  return raw
    .split(pattern)
    .map((text, i) => (i % 2 ? { control: text } : text))
    .filter((piece) => piece !== '')
}

/** The same pieces with their text cut anywhere, even inside of surrogate pairs. */
export function cutPieces(random: Random, pieces: Piece[]): Piece[] {
  return pieces.flatMap((piece): Piece[] => {
    if (typeof piece !== 'string') return [piece]
    const cuts: string[] = []
    for (let at = 0; at < piece.length; ) {
      const length = 1 + random.below(random.pick([1, 4, 40]))
      cuts.push(piece.slice(at, at + length))
      at += length
    }
    return cuts
  })
}

/** Reads pieces into parts and joins neighbours of one type. By default the answer was cut off at its length limit. */
export function readPieces(
  format: OutputFormat,
  pieces: Piece[],
  { tools, finish = 'length' }: { tools?: ChatTool[]; finish?: ReadEnd } = {},
): Part[] {
  const reader = format.reader({ tools })
  const parts: Part[] = []
  const add = (more: Part[]) => {
    for (const part of more) {
      const last = parts.at(-1)
      if (part.type !== 'tool_call' && last?.type === part.type) last.text += part.text
      else parts.push({ ...part })
    }
  }
  for (const piece of pieces) add(reader.push(piece))
  add(reader.end(finish))
  return parts
}
