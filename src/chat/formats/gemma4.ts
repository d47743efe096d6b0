/**
 * Gemma 4's answers: text, `<|channel>thought\n…<channel|>` and `<|tool_call>call:…<tool_call|>` to parts.
 *
 * Invariants: a call is emitted whole or not at all, and no text is lost: a call that is cut off, that cannot be read
 * or that names a tool that was not offered comes back as text, including its markers.
 */
import type { ChatTool, OutputFormat, OutputReader, Part, Piece } from '../types.js'
import { append } from './append.js'
import { QUOTE } from './gemma4-call.js'
import {
  addToCall,
  CALL,
  CALL_END,
  type ClosedCall,
  closeCall,
  isControl,
  type OpenCall,
  openCall,
} from './gemma4-open-call.js'
import { gemma4Syntax } from './gemma4-syntax.js'
import { THOUGHT_HEADER, type ThoughtRun, thoughtRun } from './gemma4-thought.js'
import { type TextRun, textRun } from './text-run.js'

const THOUGHT = '<|channel>'
const THOUGHT_END = '<channel|>'
const MARKERS = [
  ...[THOUGHT, THOUGHT_END, CALL, CALL_END, '<|tool_response>', '<tool_response|>', QUOTE],
  ...['<|turn>', '<turn|>', '<|think|>', '<bos>', '<eos>', '<pad>'],
]
// Control tokens around calls and at the end of an answer. They are not text.
const SWALLOWED = new Set([CALL_END, '<|tool_response>', '<turn|>', '<|turn>', '<bos>', '<eos>', '<pad>'])

export const gemma4Format: OutputFormat = {
  name: 'gemma4',
  reader: ({ tools }) => gemma4Reader(tools),
  callStart: (tool) => [{ control: CALL }, tool === undefined ? 'call:' : `call:${tool}{`],
  calls: gemma4Syntax,
  stopTokens: ['<turn|>', '<|tool_response>', '<eos>'],
  markers: MARKERS,
  thought: { open: THOUGHT, close: ['\n', { control: THOUGHT_END }] },
}

/** What the reader waits for. */
type State =
  /** The beginning of an answer, or of what follows a thought: it may be a call or a thought without its marker. */
  | { at: 'opening'; written: string; afterThought: boolean }
  /** Text that began like a thought without its marker; it is one if the end of a thought follows. */
  | { at: 'bare-thought'; written: string }
  | { at: 'text' }
  | { at: 'thought'; run: ThoughtRun }
  | { at: 'call'; call: OpenCall }

type Opening = Extract<State, { at: 'opening' }>

const TEXT: State = { at: 'text' }
const AFTER_THOUGHT: State = { at: 'opening', written: '', afterThought: true }

interface Reader {
  readonly tools: ChatTool[] | undefined
  readonly text: TextRun
  state: State
}

/** `tools` undefined: every name counts as offered. */
function gemma4Reader(tools: ChatTool[] | undefined): OutputReader {
  const reader: Reader = { tools, text: textRun(), state: { at: 'opening', written: '', afterThought: false } }
  return {
    push: (piece) => (piece === '' ? [] : read(reader, piece, false)),
    end(end) {
      const parts: Part[] = []
      // A turn that ended by itself ended with a stop token, which closes a call as the call's own marker does.
      while (reader.state.at === 'call') {
        append(parts, acceptCall(reader, closeCall(reader.state.call, { tools, closer: '', complete: end === 'stop' })))
      }
      if (reader.state.at === 'thought') append(parts, reader.state.run.end(false))
      append(parts, releaseOpening(reader))
      return append(parts, reader.text.end())
    },
  }
}

/** `strict`: the piece is read again, and the first end of a call counts, so that nothing is read a third time. */
function read(reader: Reader, piece: Piece, strict: boolean): Part[] {
  const { state } = reader
  if (state.at === 'call') return readInCall(reader, state.call, piece, strict)
  if (state.at === 'thought') return readInThought(reader, state.run, piece, strict)
  if (typeof piece !== 'string') return readControl(reader, piece.control)
  if (state.at === 'opening') return readOpening(reader, state, piece)
  if (state.at === 'text') return reader.text.push(piece)
  state.written += piece
  return []
}

function readInCall(reader: Reader, call: OpenCall, piece: Piece, strict: boolean): Part[] {
  const closed = addToCall(call, piece, { tools: reader.tools, strict })
  if (!closed) return []
  const parts = acceptCall(reader, closed)
  return isControl(piece, CALL_END) ? parts : append(parts, read(reader, piece, strict))
}

function acceptCall(reader: Reader, { calls, texts, rest }: ClosedCall): Part[] {
  reader.state = TEXT
  if (calls) reader.text.interrupt()
  const parts: Part[] = calls ?? []
  for (const text of texts) append(parts, reader.text.push(text))
  for (const piece of rest) append(parts, read(reader, piece, true))
  return parts
}

function readInThought(reader: Reader, run: ThoughtRun, piece: Piece, strict: boolean): Part[] {
  if (typeof piece === 'string') return run.push(piece)
  const { control } = piece
  if (control === THOUGHT) return []
  if (control !== THOUGHT_END && control !== CALL && !SWALLOWED.has(control)) return run.push(control)
  reader.state = AFTER_THOUGHT
  const parts = run.end(true)
  return control === THOUGHT_END ? parts : append(parts, read(reader, piece, strict))
}

function readOpening(reader: Reader, { written, afterThought }: Opening, piece: string): Part[] {
  const whole = written + piece
  if (!afterThought && whole.startsWith(THOUGHT_HEADER)) {
    reader.state = { at: 'bare-thought', written: whole }
    return []
  }
  const mayBeThought = !afterThought && THOUGHT_HEADER.startsWith(whole)
  const mayBeCall = sharesStart(whole, 'call:') && /^.{0,5}[\w.:-]{0,128}(?:[{(]|$)/.test(whole)
  if (mayBeCall && /[{(]/.test(whole)) {
    reader.state = { at: 'call', call: openCall('', whole) }
    return []
  }
  reader.state = { at: 'opening', written: whole, afterThought }
  return mayBeThought || mayBeCall ? [] : releaseOpening(reader)
}

/** What was held back since the opening is text. */
function releaseOpening(reader: Reader): Part[] {
  const { state } = reader
  reader.state = TEXT
  return state.at === 'opening' || state.at === 'bare-thought' ? reader.text.push(state.written) : []
}

/** A control token outside of calls and thoughts. */
function readControl(reader: Reader, control: string): Part[] {
  if (control === THOUGHT_END && reader.state.at === 'bare-thought')
    return readBareThought(reader, reader.state.written)
  const parts = releaseOpening(reader)
  switch (control) {
    case THOUGHT:
      reader.text.interrupt()
      reader.state = { at: 'thought', run: thoughtRun() }
      return parts
    case CALL:
      reader.state = { at: 'call', call: openCall(CALL) }
      return parts
    case THOUGHT_END:
      reader.state = AFTER_THOUGHT
      return parts
  }
  if (!SWALLOWED.has(control)) return append(parts, reader.text.push(control))
  if (control === '<turn|>') reader.text.interrupt()
  return parts
}

function readBareThought(reader: Reader, written: string): Part[] {
  const run = thoughtRun()
  reader.state = AFTER_THOUGHT
  reader.text.interrupt()
  return append(run.push(written), run.end(true))
}

/** Whether one of the two is the beginning of the other. */
function sharesStart(text: string, start: string): boolean {
  return text.startsWith(start) || start.startsWith(text)
}
