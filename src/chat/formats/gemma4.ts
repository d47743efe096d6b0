/**
 * Gemma 4's answers: text, `<|channel>thought\n…<channel|>` and `<|tool_call>call:…<tool_call|>` to parts.
 *
 * Invariants: a call is given out whole or not at all, and nothing that was written vanishes: a call that is cut off,
 * that cannot be read or that names a tool nobody offered comes back as text, markers included.
 */
import type { ChatTool, OutputFormat, OutputReader, Part, Piece, ReadEnd } from '../types.js'
import { parseCalls, QUOTE } from './gemma4-call.js'
import { type ThoughtRun, thoughtRun } from './gemma4-thought.js'
import { allCalls, readJsonCalls } from './json-call.js'
import { textRun } from './text-run.js'

const MARKERS = [
  ...['<|channel>', '<channel|>', '<|tool_call>', '<tool_call|>', '<|tool_response>', '<tool_response|>', QUOTE],
  ...['<|turn>', '<turn|>', '<|think|>', '<bos>', '<eos>', '<pad>'],
]
const CALL = '<|tool_call>'
const CALL_END = '<tool_call|>'
// What the model leaves behind around its calls and at its end, and what says nothing to a reader.
const SWALLOWED = new Set([CALL_END, '<|tool_response>', '<turn|>', '<|turn>', '<bos>', '<eos>', '<pad>'])
// What has a meaning of its own inside a call, unless a string is open there.
const STRUCTURE = new Set([CALL, CALL_END, '<|tool_response>', '<turn|>', '<eos>', '<|channel>'])

/** A call that is being collected. */
interface OpenCall {
  /** The marker it began with; none after a thought, where the model forgets it. */
  opener: string
  pieces: Piece[]
  quotes: number
  /** The first piece that would have ended it, had no string been open. */
  doubt?: number
}

export const gemma4Format: OutputFormat = {
  name: 'gemma4',
  reader: ({ tools }) => gemma4Reader(tools),
  callStart: (tool) => [{ control: CALL }, tool === undefined ? 'call:' : `call:${tool}{`],
  stopTokens: ['<turn|>', '<|tool_response>', '<eos>'],
  markers: MARKERS,
  thought: { open: '<|channel>', close: ['\n', { control: '<channel|>' }] },
}

/** `tools` undefined: every name counts as offered. */
function gemma4Reader(tools: ChatTool[] | undefined): OutputReader {
  const text = textRun()
  let thought: ThoughtRun | undefined
  let call: OpenCall | undefined
  // Text whose meaning is not known yet: where an answer or what follows a thought begins.
  let opening: string | undefined = ''
  let afterThought = false
  // While pieces are read a second time, the first end of a call counts: two readings and no more.
  let strict = false

  const write = (written: string): Part[] => text.push(written)

  const beginCall = (opener: string, pieces: Piece[]) => {
    call = { opener, pieces, quotes: 0 }
  }

  /** The call as parts if it can be read, else as text from its beginning to where reading can start again. */
  const finishCall = ({ opener, pieces, doubt }: OpenCall, closer: string, complete: boolean): Part[] => {
    call = undefined
    const calls = complete ? readCalls(pieces, tools, doubt === undefined) : undefined
    if (calls) {
      text.interrupt()
      return calls
    }
    if (doubt === undefined) return write(opener + written(pieces) + closer)
    const rest: Piece[] = closer === '' ? pieces.slice(doubt) : [...pieces.slice(doubt), { control: closer }]
    const ended = isControl(rest[0], CALL_END)
    // No string ended behind the first end of the call, so that was its end.
    const early = ended ? readCalls(pieces.slice(0, doubt), tools, true) : undefined
    if (early) text.interrupt()
    const parts = early ?? write(opener + written(pieces.slice(0, doubt)))
    if (ended) rest.shift()
    if (ended && !early) append(parts, write(CALL_END))
    const before = strict
    strict = true
    for (const piece of rest) append(parts, read(piece))
    strict = before
    return parts
  }

  const readInCall = (open: OpenCall, piece: Piece): Part[] => {
    const control = typeof piece === 'string' ? undefined : piece.control
    if (control === QUOTE) open.quotes += 1
    if (control === undefined || !STRUCTURE.has(control)) {
      open.pieces.push(piece)
      return []
    }
    if (open.quotes % 2 === 1 && !strict) {
      // A quote too many or too few, as some calls have: then no string is open.
      const calls = open.doubt === undefined && control === CALL_END ? readCalls(open.pieces, tools, false) : undefined
      if (calls) {
        call = undefined
        text.interrupt()
        return calls
      }
      // A string may hold a marker; whether this one does is known when the string ends.
      open.doubt ??= open.pieces.length
      open.pieces.push(piece)
      return []
    }
    if (control === CALL_END) return finishCall(open, CALL_END, true)
    return [...finishCall(open, '', true), ...read(piece)]
  }

  const readInThought = (run: ThoughtRun, piece: Piece): Part[] => {
    if (typeof piece === 'string') return run.push(piece)
    if (piece.control === '<|channel>') return []
    if (piece.control !== '<channel|>' && piece.control !== CALL && !SWALLOWED.has(piece.control)) {
      return run.push(piece.control)
    }
    thought = undefined
    opening = ''
    afterThought = true
    const parts = run.end(true)
    return piece.control === '<channel|>' ? parts : [...parts, ...read(piece)]
  }

  /** Text that may still be a thought without its opening, or a call without its marker. */
  const readOpening = (whole: string): Part[] => {
    const bareThought = !afterThought && sharesStart(whole, 'thought\n')
    const bareCall = sharesStart(whole, 'call:') && /^.{0,5}[\w.-]{0,64}(?:[{(]|$)/.test(whole)
    opening = whole
    if (bareCall && /[{(]/.test(whole)) {
      opening = undefined
      beginCall('', [whole])
      return []
    }
    return bareThought || bareCall ? [] : releaseOpening()
  }

  const releaseOpening = (): Part[] => {
    const whole = opening ?? ''
    opening = undefined
    return write(whole)
  }

  const readControl = (control: string): Part[] => {
    if (control === '<channel|>' && opening?.startsWith('thought\n') && !afterThought) {
      const run = thoughtRun()
      const parts = [...run.push(opening), ...run.end(true)]
      opening = ''
      afterThought = true
      text.interrupt()
      return parts
    }
    const parts = releaseOpening()
    if (control === '<|channel>') {
      text.interrupt()
      thought = thoughtRun()
    } else if (control === CALL) {
      beginCall(CALL, [])
    } else if (control === '<channel|>') {
      opening = ''
      afterThought = true
    } else if (SWALLOWED.has(control)) {
      if (control === '<turn|>') text.interrupt()
    } else {
      parts.push(...write(control))
    }
    return parts
  }

  const read = (piece: Piece): Part[] => {
    if (call) return readInCall(call, piece)
    if (thought) return readInThought(thought, piece)
    if (typeof piece !== 'string') return readControl(piece.control)
    return opening === undefined ? write(piece) : readOpening(opening + piece)
  }

  return {
    push: (piece) => (piece === '' ? [] : read(piece)),
    end(end: ReadEnd) {
      const parts: Part[] = []
      // A turn that ended by itself ended with a stop token, which closes a call as well as its own marker does.
      while (call) append(parts, finishCall(call, '', end === 'stop'))
      if (thought) parts.push(...thought.end(false))
      thought = undefined
      parts.push(...releaseOpening(), ...text.end())
      return parts
    },
  }
}

/** undefined: some of it cannot be read or must not run. `unclosed`: the last string may lack its end. */
function readCalls(pieces: Piece[], tools: ChatTool[] | undefined, unclosed: boolean): Part[] | undefined {
  const quotes: number[] = []
  let length = 0
  for (const piece of pieces) {
    if (isControl(piece, QUOTE)) quotes.push(length)
    length += typeof piece === 'string' ? piece.length : piece.control.length
  }
  const source = written(pieces)
  // The marker says that it is a call; some then write it as other models do.
  if (/^\s*\{/.test(source)) return readJsonCalls(source, tools)
  const schemaOf = (name: string) => tools?.find((tool) => tool.name === name)?.schema
  const calls = parseCalls({ source, quotes }, { schemaOf, unclosed })
  return calls && allCalls(calls, tools)
}

function written(pieces: Piece[]): string {
  return pieces.map((piece) => (typeof piece === 'string' ? piece : piece.control)).join('')
}

function isControl(piece: Piece | undefined, control: string): boolean {
  return typeof piece === 'object' && piece.control === control
}

/** Not by spreading: a long list of arguments overflows the stack. */
function append(parts: Part[], more: Part[]): void {
  for (const part of more) parts.push(part)
}

/** Whether one of the two is the beginning of the other. */
function sharesStart(text: string, start: string): boolean {
  return text.startsWith(start) || start.startsWith(text)
}
