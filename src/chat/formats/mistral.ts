/**
 * Mistral's answers: text, `[THINK]…[/THINK]`, and calls after `[TOOL_CALLS]`, to parts.
 *
 * Calls are written `[{"name": …, "arguments": {…}}, …]` by older models and `name[ARGS]{…}`, with or without
 * `[CALL_ID]…` and `[ARGS]`, by newer ones. What cannot be read comes back as text, marker included.
 */
import type { ChatTool, OutputFormat, OutputReader, Part } from '../types.js'
import { append } from './append.js'
import { CALL_FENCES, CALL_TAGS } from './bare/forms.js'
import { type BareCalls, bareCalls } from './bare-calls.js'
import type { ToolCall } from './call.js'
import { type CallScan, callScan } from './call-scan.js'
import { allCalls, readJsonCalls } from './json-call.js'
import { isObject } from './json-value.js'
import { parseLiteral } from './literal.js'
import { mistralSyntax } from './mistral-syntax.js'
import { type Place, placeIn } from './place.js'
import { ANY_OBJECT } from './scan/state.js'

const CALLS = '[TOOL_CALLS]'
const ARGS = '[ARGS]'
const CALL_ID = '[CALL_ID]'
const THINK = '[THINK]'
const THINK_END = '[/THINK]'
const ENDS = ['</s>', '<s>']

export const mistralFormat: OutputFormat = {
  name: 'mistral',
  reader: ({ tools }) => mistralReader(tools),
  callStart: (tool) => [
    { control: CALLS },
    tool === undefined ? '[{"name": "' : `[{"name": ${JSON.stringify(tool)}, "arguments": `,
  ],
  calls: mistralSyntax(CALLS, ARGS),
  stopTokens: ['</s>'],
  markers: [CALLS, ARGS, CALL_ID, THINK, THINK_END, ...ENDS],
  thought: { open: THINK, close: [{ control: THINK_END }] },
}

// The longest name of a call, including white space around it.
const MAX_NAME = 200

/** What the reader waits for. `written`: the text of a call, from its marker on. */
type State =
  | { at: 'text' }
  | { at: 'thought' }
  /** Waits for a call's input or a list of calls. `inId`: an id is being read, which is dropped. */
  | { at: 'call-head'; written: string; name: string; inId: boolean }
  /** Waits for the end of a call's input, or of a list of calls if `name` is blank. */
  | { at: 'call-input'; written: string; name: string; input: string; scan: CallScan }

type CallHead = Extract<State, { at: 'call-head' }>
type CallInput = Extract<State, { at: 'call-input' }>

const TEXT: State = { at: 'text' }

interface Reader {
  readonly tools: ChatTool[] | undefined
  /** Reads the text outside of calls and thoughts. */
  readonly plain: BareCalls
  state: State
}

/** `tools` undefined: every name counts as offered. */
function mistralReader(tools: ChatTool[] | undefined): OutputReader {
  // Calls are read without their marker too, which models sometimes forget.
  const plain = bareCalls(tools, { pythonic: false, fences: [...CALL_FENCES, 'json'], tags: CALL_TAGS })
  const reader: Reader = { tools, plain, state: TEXT }
  return {
    push: (piece) => (typeof piece === 'string' ? read(reader, piece) : readControl(reader, piece.control)),
    end: (end) => append(end === 'stop' ? closeCall(reader) : giveUpCall(reader), plain.end(end)),
  }
}

function read(reader: Reader, text: string): Part[] {
  const { state } = reader
  if (text === '') return []
  switch (state.at) {
    case 'call-head':
      return readCallHead(reader, state, text)
    case 'call-input':
      return readCallInput(reader, state, placeIn(text))
    case 'thought':
      return [{ type: 'thinking', text }]
    default:
      return reader.plain.read(text)
  }
}

function readCallHead(reader: Reader, state: CallHead, text: string): Part[] {
  const start = text.search(/[{[]/)
  const before = start < 0 ? text : text.slice(0, start)
  state.written += before
  if (!state.inId) state.name += before
  if (state.name.length > MAX_NAME) return append(giveUpCall(reader), read(reader, text.slice(before.length)))
  if (start < 0) return []
  const { written, name } = state
  const input: CallInput = { at: 'call-input', written, name, input: '', scan: callScan(ANY_OBJECT) }
  reader.state = input
  return readCallInput(reader, input, { source: text, at: start, end: text.length })
}

function readCallInput(reader: Reader, state: CallInput, place: Place): Part[] {
  const { source, at } = place
  const result = state.scan.push(place)
  const taken = source.slice(at, place.at)
  state.written += taken
  state.input += taken
  if (result === 'call') return []
  const parts = result === 'whole' ? finishCall(reader, state) : giveUpCall(reader)
  return append(parts, read(reader, source.slice(place.at)))
}

function finishCall(reader: Reader, { name, input }: CallInput): Part[] {
  const { tools, plain } = reader
  const calls =
    name.trim() === '' ? readJsonCalls(input, tools, { marked: true }) : namedCall(name.trim(), input, tools)
  if (!calls) return giveUpCall(reader)
  reader.state = TEXT
  return plain.pass(calls)
}

/** The answer ended by itself: a call that lacks its last brackets is a call, any other that is open is text. */
function closeCall(reader: Reader): Part[] {
  const { state } = reader
  const missing = state.at === 'call-input' ? state.scan.missing() : undefined
  if (state.at !== 'call-input' || missing === undefined) return giveUpCall(reader)
  return finishCall(reader, { ...state, input: state.input + missing })
}

/** A call that is open turns out to be text. */
function giveUpCall(reader: Reader): Part[] {
  const { state, plain } = reader
  if (state.at !== 'call-head' && state.at !== 'call-input') return []
  reader.state = TEXT
  return plain.write(state.written)
}

function readControl(reader: Reader, control: string): Part[] {
  const { state, plain } = reader
  const ends = ENDS.includes(control)
  if (state.at === 'thought') return readControlInThought(reader, control)
  if (state.at === 'call-input' && state.scan.inString() && !ends) return read(reader, control)
  if (state.at === 'call-head' && (control === ARGS || control === CALL_ID)) {
    state.inId = control === CALL_ID
    state.written += control
    return []
  }
  if (ends) return append(closeCall(reader), plain.end('stop'))
  const parts = giveUpCall(reader)
  if (control !== CALLS && control !== THINK) return append(parts, plain.write(control))
  reader.state = control === THINK ? { at: 'thought' } : { at: 'call-head', written: CALLS, name: '', inId: false }
  return append(parts, plain.settle('stop'))
}

function readControlInThought(reader: Reader, control: string): Part[] {
  if (control !== THINK_END && control !== CALLS && !ENDS.includes(control)) return read(reader, control)
  reader.state = TEXT
  return control === THINK_END ? [] : readControl(reader, control)
}

function namedCall(name: string, source: string, tools: ChatTool[] | undefined): ToolCall[] | undefined {
  const input = parseLiteral(source)
  return isObject(input) ? allCalls([{ name, input }], tools) : undefined
}
