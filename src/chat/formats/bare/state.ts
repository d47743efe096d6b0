/** The states of a reader of bare calls: what each waits for, and what it holds back. */
import type { ChatTool } from '../../types.js'
import type { ToolCall } from '../call.js'
import type { CallScan } from '../call-scan.js'
import type { CallShape } from '../scan/state.js'
import type { BareForms } from './forms.js'
import type { BareOutput } from './output.js'

/** What all states of one reader share. */
export interface Bare {
  readonly tools: ChatTool[] | undefined
  readonly forms: BareForms
  readonly shape: CallShape
  readonly out: BareOutput
}

/** Text outside of code: a bracket, a backtick, a tag or a tool's name may begin a call. */
export type Prose = { at: 'prose' }
/** Code in backticks. It ends with as many backticks, or with the line. */
export type Code = { at: 'code'; ticks: number }
/** A fence that contains code. It ends with a line of as many backticks. */
export type CodeFence = { at: 'code-fence'; ticks: number }
/** A run of backticks; a character that is not one ends it. `within`: what it stands in. */
export type Ticks = { at: 'ticks'; count: number; within: Prose | Code | CodeFence }
/** The beginning of a tag. */
export type Tag = { at: 'tag'; written: string }
/** The name in `<function=name>`. */
export type FunctionHead = { at: 'function-head'; written: string; name: string }
/** What stands between `<function=name>` and its input: an object, or parameters in tags. */
export type FunctionBody = { at: 'function-body'; written: string; name: string }
/** `<parameter=key>value</parameter>`, up to the end of the function. `start`: where they begin in `written`. */
export type FunctionParameters = {
  at: 'function-parameters'
  written: string
  name: string
  start: number
  /** The last characters of `written`. */
  recent: string
}
/** The object of `<function=name>{…}`. */
export type FunctionInput = { at: 'function-input'; written: string; name: string; start: number; scan: CallScan }
/** What may still become a call. */
export type OpenCall = { at: 'call'; written: string; scan: CallScan }
/** A value in brackets that is not a call. */
export type Data = { at: 'data'; scan: CallScan }
/** A whole Python call, if the rest of its line is blank. */
export type RestOfLine = { at: 'rest-of-line'; written: string; calls: ToolCall[] }

/** A fence that contains nothing but calls so far. */
export interface Fence {
  ticks: number
  /** Whether its name says that it is for calls. */
  forCalls: boolean
  written: string
  calls: ToolCall[]
}

/** The line that opens a fence. `name`: the fence's name, as far as it is written. */
export type FenceHead = { at: 'fence-head'; ticks: number; written: string; name: string }
/** Waits for the next call, or for the end of the fence, of which `closing` backticks were read. */
export type FenceBody = { at: 'fence-body'; fence: Fence; closing: number }
export type FenceComment = { at: 'fence-comment'; fence: Fence }
/** `closing`: how many backticks the line consists of so far; undefined if it contains anything else but spaces. */
export type FenceCall = {
  at: 'fence-call'
  fence: Fence
  written: string
  scan: CallScan
  closing: number | undefined
}

export type State =
  | Prose
  | Code
  | CodeFence
  | Ticks
  | Tag
  | FunctionHead
  | FunctionBody
  | FunctionParameters
  | FunctionInput
  | OpenCall
  | Data
  | RestOfLine
  | FenceHead
  | FenceBody
  | FenceComment
  | FenceCall

export const PROSE: Prose = { at: 'prose' }

/** The text that a state holds back. */
export function heldText(state: State): string {
  switch (state.at) {
    case 'ticks':
      return '`'.repeat(state.count)
    case 'tag':
    case 'function-head':
    case 'function-body':
    case 'function-parameters':
    case 'function-input':
    case 'call':
    case 'rest-of-line':
      return state.written
    case 'fence-head':
      return '`'.repeat(state.ticks) + state.written
    case 'fence-body':
    case 'fence-comment':
      return state.fence.written
    case 'fence-call':
      return state.fence.written + state.written
    default:
      return ''
  }
}

/** Whether a word that begins with this character may become the name of a Python call. */
export function mayBeginWord({ shape }: Bare, char: string): boolean {
  // `default_api.` or `print(` may precede the name.
  return shape.pythonic && /[A-Za-z_]/.test(char) && (shape.mayName(char) || char === 'd' || char === 'p')
}
