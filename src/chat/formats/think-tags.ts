/**
 * Thoughts in `<think>…</think>` before an answer in any other format, as DeepSeek R1's relatives and Hermes 4 write them.
 *
 * Calls are read outside of thoughts only. The tags may be tokens or text; white space beside them is dropped. The opening
 * one counts at the start of an answer alone, where the prompt may also have it already.
 */
import type { OutputFormat, OutputReader, Part, Piece } from '../types.js'
import { append } from './append.js'

const OPEN = '<think>'
const CLOSE = '</think>'

/** The same format with thoughts before it. */
export function withThinkTags(format: OutputFormat): OutputFormat {
  return {
    ...format,
    markers: [...format.markers, OPEN, CLOSE],
    thought: { open: OPEN, close: ['\n', { control: CLOSE }] },
    reader: (options) => thinkTagReader(format.reader(options), options.inThought ?? false),
  }
}

/** The most white space that waits for what follows it. */
const MOST_SPACE = 32

type State =
  /** White space and what may become the opening tag. */
  | { at: 'start'; written: string }
  /** `held`: white space and what may become the closing tag. `isBlank`: there was nothing else so far. */
  | { at: 'thought'; held: string; isBlank: boolean }
  /** White space after a thought. */
  | { at: 'after' }
  | { at: 'answer' }

interface Reader {
  readonly answer: OutputReader
  state: State
}

function thinkTagReader(answer: OutputReader, inThought: boolean): OutputReader {
  const start: State = inThought ? { at: 'thought', held: '', isBlank: true } : { at: 'start', written: '' }
  const reader: Reader = { answer, state: start }
  return {
    push: (piece) => (typeof piece === 'string' ? read(reader, piece) : readControl(reader, piece)),
    end: (end) => append(leave(reader), answer.end(end)),
  }
}

function readControl(reader: Reader, piece: Exclude<Piece, string>): Part[] {
  const { at } = reader.state
  const isTag = (at === 'start' && piece.control === OPEN) || (at === 'thought' && piece.control === CLOSE)
  if (isTag || at === 'thought') return read(reader, piece.control)
  const parts = leave(reader)
  reader.state = { at: 'answer' }
  return append(parts, reader.answer.push(piece))
}

function read(reader: Reader, text: string): Part[] {
  const { state, answer } = reader
  if (text === '') return []
  switch (state.at) {
    case 'start':
      return readStart(reader, state.written + text)
    case 'thought':
      return readThought(reader, state.held + text, state.isBlank)
    case 'after': {
      const rest = text.trimStart()
      if (rest === '') return []
      reader.state = { at: 'answer' }
      return answer.push(rest)
    }
    case 'answer':
      return answer.push(text)
  }
}

function readStart(reader: Reader, written: string): Part[] {
  const begun = written.trimStart()
  if (begun.startsWith(OPEN)) {
    reader.state = { at: 'thought', held: '', isBlank: true }
    return read(reader, begun.slice(OPEN.length))
  }
  reader.state = OPEN.startsWith(begun) ? { at: 'start', written } : { at: 'answer' }
  return reader.state.at === 'start' ? [] : reader.answer.push(written)
}

function readThought(reader: Reader, written: string, isBlank: boolean): Part[] {
  const end = written.indexOf(CLOSE)
  if (end >= 0) {
    reader.state = { at: 'after' }
    return append(thinking(written.slice(0, end).trimEnd(), isBlank), read(reader, written.slice(end + CLOSE.length)))
  }
  const ready = written.slice(0, heldFrom(written))
  reader.state = { at: 'thought', held: written.slice(ready.length), isBlank: isBlank && ready.trim() === '' }
  return thinking(ready, isBlank)
}

/** Where the white space and the part of a closing tag begin that a thought's text ends with. */
function heldFrom(written: string): number {
  let tag = Math.min(CLOSE.length - 1, written.length)
  while (!CLOSE.startsWith(written.slice(written.length - tag))) tag -= 1
  const before = written.slice(0, written.length - tag)
  return Math.max(before.trimEnd().length, before.length - MOST_SPACE)
}

function thinking(text: string, isBlank: boolean): Part[] {
  const shown = isBlank ? text.trimStart() : text
  return shown === '' ? [] : [{ type: 'thinking', text: shown }]
}

/** Emits what is held: the answer ends, or goes on with what is no tag. */
function leave({ state, answer }: Reader): Part[] {
  if (state.at === 'start' && state.written !== '') return answer.push(state.written)
  return state.at === 'thought' ? thinking(state.held.trimEnd(), state.isBlank) : []
}
