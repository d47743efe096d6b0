/**
 * Mistral's answers: text, `[THINK]…[/THINK]`, and calls after `[TOOL_CALLS]`, to parts.
 *
 * Calls are written `[{"name": …, "arguments": {…}}, …]` by older models and `name[ARGS]{…}`, with or without
 * `[CALL_ID]…` and `[ARGS]`, by newer ones. What cannot be read comes back as text, marker included.
 */
import type { ChatTool, OutputFormat, OutputReader, Part, Piece, ReadEnd } from '../types.js'
import { bareCalls } from './bare-calls.js'
import type { ToolCall } from './call.js'
import { type CallScan, callScan } from './call-scan.js'
import { allCalls, readJsonCalls } from './json-call.js'
import { parseLiteral } from './literal.js'
import { isObject } from './schema.js'

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
  stopTokens: ['</s>'],
  markers: [CALLS, ARGS, CALL_ID, THINK, THINK_END, ...ENDS],
  thought: { open: THINK, close: [{ control: THINK_END }] },
}

// The longest name that a call can have, white space around it included.
const MAX_NAME = 200

/** A call that is being collected, from its marker on. */
interface OpenCall {
  written: string[]
  /** The name that stands before the input; undefined while a list is read. */
  name: string
  /** Whether an id is being read, which nobody needs. */
  inId: boolean
  scan?: CallScan
  json: string[]
}

/** `tools` undefined: every name counts as offered. */
function mistralReader(tools: ChatTool[] | undefined): OutputReader {
  // A marker that the model forgot is no reason to lose a list of calls.
  const plain = bareCalls(tools, { pythonic: false, fences: [], tags: [] })
  const shape = { mayName: () => true, isName: () => true, pythonic: false, anyObject: true }
  let call: OpenCall | undefined
  let thinking = false

  const giveUp = (): Part[] => {
    const written = call?.written.join('') ?? ''
    call = undefined
    return plain.write(written)
  }

  const finish = ({ name, json }: OpenCall): Part[] => {
    const source = json.join('')
    const calls = name.trim() === '' ? readJsonCalls(source, tools) : namedCall(name.trim(), source, tools)
    if (!calls) return giveUp()
    call = undefined
    return plain.pass(calls)
  }

  const readInCall = (open: OpenCall, source: string): Part[] => {
    let at = 0
    if (!open.scan) {
      const start = source.search(/[{[]/)
      const before = start < 0 ? source : source.slice(0, start)
      if (!open.inId) open.name += before
      open.written.push(before)
      if (open.name.length > MAX_NAME) return [...giveUp(), ...read(source.slice(before.length))]
      if (start < 0) return []
      open.scan = callScan(shape)
      at = start
    }
    const place = { source, at, end: source.length }
    const state = open.scan.push(place)
    const end = place.at
    open.written.push(source.slice(at, end))
    open.json.push(source.slice(at, end))
    if (state === 'call') return []
    const parts = state === 'whole' ? finish(open) : giveUp()
    return append(parts, read(source.slice(end)))
  }

  const read = (source: string): Part[] => {
    if (source === '') return []
    if (call) return readInCall(call, source)
    return thinking ? [{ type: 'thinking', text: source }] : plain.read(source)
  }

  const readControl = (control: string): Part[] => {
    if (thinking) {
      if (control === THINK_END) thinking = false
      else if (ENDS.includes(control) || control === CALLS) thinking = false
      else return read(control)
      return control === THINK_END ? [] : readControl(control)
    }
    if (call?.scan?.inString() && !ENDS.includes(control)) return read(control)
    if (call && !call.scan && (control === ARGS || control === CALL_ID)) {
      call.inId = control === CALL_ID
      call.written.push(control)
      return []
    }
    const parts = call ? giveUp() : []
    if (control === CALLS) {
      append(parts, plain.settle('stop'))
      call = { written: [CALLS], name: '', inId: false, json: [] }
    } else if (control === THINK) {
      append(parts, plain.settle('stop'))
      thinking = true
    } else {
      append(parts, ENDS.includes(control) ? plain.end('stop') : plain.write(control))
    }
    return parts
  }

  return {
    push: (piece: Piece) => (typeof piece === 'string' ? read(piece) : readControl(piece.control)),
    end(end: ReadEnd) {
      return append(call ? giveUp() : [], plain.end(end))
    },
  }
}

function namedCall(name: string, source: string, tools: ChatTool[] | undefined): ToolCall[] | undefined {
  const input = parseLiteral(source)
  return isObject(input) ? allCalls([{ name, input }], tools) : undefined
}

/** Not by spreading: a long list of arguments overflows the stack. */
function append(parts: Part[], more: Part[]): Part[] {
  for (const part of more) parts.push(part)
  return parts
}
