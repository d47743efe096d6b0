/**
 * Calls that stand in plain text without a marker, as JSON or as Python, in a code fence or not.
 *
 * Invariants: no text is lost except what stands around calls (fences, tags, `;`); only text that may still become a
 * call is held back; every character is read a bounded number of times; code in backticks is never a call, unless a
 * whole fence contains nothing but calls.
 */
import type { ChatTool, Part, ReadEnd } from '../types.js'
import { readCode, readCodeFence, readTicks } from './bare/code.js'
import { readFenceBody, readFenceCall, readFenceComment, readFenceHead } from './bare/fence.js'
import type { BareForms } from './bare/forms.js'
import { readFunctionBody, readFunctionHead, readFunctionInput, readFunctionParameters } from './bare/function-tag.js'
import { bareOutput } from './bare/output.js'
import { readCall, readData, readProse, readRestOfLine, readTag } from './bare/prose.js'
import { type Bare, heldText, PROSE, type State } from './bare/state.js'
import type { ToolCall } from './call.js'
import { type Place, placeIn } from './place.js'
import type { CallShape } from './scan/state.js'
import { readUnclosedCalls } from './scanned-calls.js'

export interface BareCalls {
  read(text: string): Part[]
  /** A marker that may precede calls: it is dropped if a call follows, else it is text. */
  mark(marker: string): Part[]
  /** Emits text that is not searched for calls, after what is held back. */
  write(text: string): Part[]
  /** Emits calls that were read elsewhere. */
  pass(calls: ToolCall[]): Part[]
  /** Emits what is held back, before a call or a thought that is read elsewhere. */
  settle(end: ReadEnd): Part[]
  /** Emits what is held back: calls if they are whole and the text ended by itself, else text. */
  end(end: ReadEnd): Part[]
}

/** `tools` undefined: every name counts as offered. */
export function bareCalls(tools: ChatTool[] | undefined, forms: BareForms): BareCalls {
  const out = bareOutput()
  const bare: Bare = { tools, forms, shape: callShape(tools, forms.pythonic), out }
  let state: State = PROSE
  const settle = (end: ReadEnd) => {
    decide(bare, state, end)
    state = PROSE
  }
  return {
    read(text) {
      const place = placeIn(text)
      while (place.at < place.end) state = read(bare, state, place)
      return out.take()
    },
    mark(marker) {
      settle('stop')
      out.hold(marker)
      return out.take()
    },
    write(written) {
      settle('length')
      out.text(written)
      return out.take()
    },
    pass(calls) {
      out.calls(calls)
      return out.take()
    },
    settle(end) {
      settle(end)
      out.releaseHeld(forms.tags)
      out.interrupt()
      return out.take()
    },
    end(end) {
      const calls = end === 'stop' ? unclosed(bare, state) : undefined
      if (calls) {
        out.calls(calls)
        state = PROSE
      }
      settle(end)
      out.releaseHeld(forms.tags)
      out.end()
      return out.take()
    },
  }
}

function callShape(tools: ChatTool[] | undefined, pythonic: boolean): CallShape {
  const names = tools?.map((tool) => tool.name)
  return {
    mayName: (name) => (names ? names.some((one) => one.startsWith(name)) : /^[\w.:-]*$/.test(name)),
    isName: (name) => (names ? names.includes(name) : name !== ''),
    pythonic,
  }
}

/** Takes some characters, or none if the next state has to take them. Returns the next state. */
function read(bare: Bare, state: State, place: Place): State {
  switch (state.at) {
    case 'prose':
      return readProse(bare, place)
    case 'code':
      return readCode(bare, state, place)
    case 'code-fence':
      return readCodeFence(bare, state, place)
    case 'ticks':
      return readTicks(bare, state, place)
    case 'tag':
      return readTag(bare, state, place)
    case 'function-head':
      return readFunctionHead(bare, state, place)
    case 'function-body':
      return readFunctionBody(bare, state, place)
    case 'function-parameters':
      return readFunctionParameters(bare, state, place)
    case 'function-input':
      return readFunctionInput(bare, state, place)
    case 'call':
      return readCall(bare, state, place)
    case 'data':
      return readData(bare, state, place)
    case 'rest-of-line':
      return readRestOfLine(bare, state, place)
    case 'fence-head':
      return readFenceHead(bare, state, place)
    case 'fence-body':
      return readFenceBody(bare, state, place)
    case 'fence-comment':
      return readFenceComment(state, place)
    case 'fence-call':
      return readFenceCall(bare, state, place)
  }
}

/** The calls of an answer that ended by itself without the last brackets of its call. */
function unclosed({ tools, out }: Bare, state: State): ToolCall[] | undefined {
  if (state.at === 'call') return readUnclosedCalls(state, tools, { marked: out.isMarked() })
  if (state.at !== 'fence-call') return undefined
  const { fence } = state
  const last = readUnclosedCalls(state, tools, { marked: fence.forCalls })
  return last && [...fence.calls, ...last]
}

/** Emits what the state holds back: whole calls as calls if the text ended by itself, everything else as text. */
function decide({ out }: Bare, state: State, end: ReadEnd): void {
  const calls = state.at === 'rest-of-line' ? state.calls : state.at === 'fence-body' ? state.fence.calls : []
  const held = heldText(state)
  if (end === 'stop' && calls.length > 0) out.calls(calls)
  else if (held !== '') out.text(held)
}
