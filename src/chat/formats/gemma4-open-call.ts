/** Collects one of Gemma 4's calls: finds where it ends, and reads it. */
import type { ChatTool, Piece } from '../types.js'
import type { ToolCall } from './call.js'
import { parseCalls, QUOTE } from './gemma4-call.js'
import { allCalls, readJsonCalls } from './json-call.js'

export const CALL = '<|tool_call>'
export const CALL_END = '<tool_call|>'
// Control tokens that end a call, unless a string is open in it.
const STRUCTURE = new Set([CALL, CALL_END, '<|tool_response>', '<turn|>', '<eos>', '<|channel>'])

export interface OpenCall {
  /** The marker it began with; '' after a thought, where the model sometimes forgets it. */
  opener: string
  pieces: Piece[]
  quotes: number
  /** The index of the first piece that would have ended it if no string had been open. */
  doubt?: number
}

export function openCall(opener: string, text?: string): OpenCall {
  return { opener, pieces: text === undefined ? [] : [text], quotes: 0 }
}

/** The result of a call: `calls`, or `texts` as they were written. `rest` has to be read again. */
export interface ClosedCall {
  calls?: ToolCall[]
  texts: string[]
  rest: Piece[]
}

export interface CallOptions {
  tools: ChatTool[] | undefined
  /** The first end of a call counts, even where a string is open. */
  strict: boolean
}

/** Adds a piece to the call. A control token that closes it is part of it only if it is the call's own end. */
export function addToCall(call: OpenCall, piece: Piece, { tools, strict }: CallOptions): ClosedCall | undefined {
  const control = typeof piece === 'string' ? undefined : piece.control
  if (control === QUOTE) call.quotes += 1
  if (control === undefined || !STRUCTURE.has(control)) {
    call.pieces.push(piece)
    return undefined
  }
  if (call.quotes % 2 === 1 && !strict) return doubtEnd(call, control, tools)
  return closeCall(call, { tools, closer: control === CALL_END ? CALL_END : '', complete: true })
}

/** A control token that would end the call if no string were open. */
function doubtEnd(call: OpenCall, control: string, tools: ChatTool[] | undefined): ClosedCall | undefined {
  // If the call can be read, a quote was one too many or missing, and no string is open.
  const calls = call.doubt === undefined && control === CALL_END ? readCalls(call.pieces, tools, false) : undefined
  if (calls) return { calls, texts: [], rest: [] }
  // A string may contain a marker. Whether this one does is known when the string ends.
  call.doubt ??= call.pieces.length
  call.pieces.push({ control })
  return undefined
}

export interface Closing {
  tools: ChatTool[] | undefined
  /** The marker that closes the call, if there is one. */
  closer: string
  /** Whether the call was not cut off, so that it may run. */
  complete: boolean
}

/** The calls if they can be read, else text up to where reading starts again. */
export function closeCall({ opener, pieces, doubt }: OpenCall, { tools, closer, complete }: Closing): ClosedCall {
  const calls = complete ? readCalls(pieces, tools, doubt === undefined) : undefined
  if (calls) return { calls, texts: [], rest: [] }
  if (doubt === undefined) return { texts: [opener + written(pieces) + closer], rest: [] }
  const before = pieces.slice(0, doubt)
  const rest = pieces.slice(doubt)
  if (closer !== '') rest.push({ control: closer })
  if (!isControl(rest[0], CALL_END)) return { texts: [opener + written(before)], rest }
  // No string ended after the first end of the call, so that was its end.
  rest.shift()
  const early = readCalls(before, tools, true)
  return early ? { calls: early, texts: [], rest } : { texts: [opener + written(before), CALL_END], rest }
}

/** undefined: a call cannot be read or must not run. `unclosed`: the last string may lack its closing quote. */
function readCalls(pieces: Piece[], tools: ChatTool[] | undefined, unclosed: boolean): ToolCall[] | undefined {
  const quotes: number[] = []
  let length = 0
  for (const piece of pieces) {
    if (isControl(piece, QUOTE)) quotes.push(length)
    length += typeof piece === 'string' ? piece.length : piece.control.length
  }
  const source = written(pieces)
  // Sometimes the model writes JSON after the marker.
  if (/^\s*\{/.test(source)) return readJsonCalls(source, tools, { marked: true })
  const schemaOf = (name: string) => tools?.find((tool) => tool.name === name)?.schema
  const calls = parseCalls({ source, quotes }, { schemaOf, unclosed })
  return calls && allCalls(calls, tools)
}

function written(pieces: Piece[]): string {
  return pieces.map((piece) => (typeof piece === 'string' ? piece : piece.control)).join('')
}

export function isControl(piece: Piece | undefined, control: string): boolean {
  return typeof piece === 'object' && piece.control === control
}
