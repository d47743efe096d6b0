/** The forms of calls in plain text: which tags and fences may stand around them, and whether they may be Python. */

export interface BareForms {
  /** Whether `[f(a=1)]` is a call, and `f(a=1)` in a fence or on a line of its own. */
  pythonic: boolean
  /** The names of code fences that may contain calls, and then contain nothing else; '' for a fence without a name. */
  fences: string[]
  /** Tags that may stand before and after a call. */
  tags: string[]
}

const NAMES = ['tool_call', 'function_call', 'tool', 'tool_code']

/** The opening of `<function=name>{…}</function>`. */
export const FUNCTION_TAG = '<function='
export const FUNCTION_END = '</function>'

/** Nemotron's, around a list. */
const LIST_TAG = 'TOOLCALL'

export const CALL_TAGS = [...[...NAMES, LIST_TAG].flatMap((name) => [`<${name}>`, `</${name}>`]), FUNCTION_END]

/** Fences whose name says that they hold calls. */
export const CALL_FENCES = [...NAMES, 'tool_calls', 'tools']
