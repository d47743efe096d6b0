/**
 * The states of a reader of bare calls in `<function=name>{…}</function>`, the form of Llama 3.1's own prompts, and in
 * `<function=name><parameter=key>value</parameter></function>`, which other models use.
 */
import type { ToolCall } from '../call.js'
import { callScan } from '../call-scan.js'
import type { WrittenObject } from '../exact-number.js'
import { allCalls } from '../json-call.js'
import { isObject, setKey } from '../json-value.js'
import { parseLiteral } from '../literal.js'
import type { Place } from '../place.js'
import { ANY_OBJECT } from '../scan/state.js'
import { FUNCTION_END } from './forms.js'
import {
  type Bare,
  type FunctionBody,
  type FunctionHead,
  type FunctionInput,
  type FunctionParameters,
  PROSE,
  type State,
} from './state.js'

export function readFunctionHead(bare: Bare, state: FunctionHead, place: Place): State {
  const char = place.source[place.at] as string
  const { name } = state
  if (char === '>' && bare.shape.isName(name)) {
    place.at += 1
    return { at: 'function-body', written: `${state.written}>`, name }
  }
  if (name.length >= MAX_NAME || !bare.shape.mayName(name + char)) return giveUp(bare, state)
  state.name += char
  state.written += char
  place.at += 1
  return state
}

export function readFunctionBody(bare: Bare, state: FunctionBody, place: Place): State {
  const { name, written } = state
  const char = place.source[place.at] as string
  const start = written.length
  if (char === '{') return { at: 'function-input', written, name, start, scan: callScan(ANY_OBJECT) }
  if (char === '<') return { at: 'function-parameters', written, name, start, recent: '' }
  if (!/\s/.test(char)) return giveUp(bare, state)
  state.written += char
  place.at += 1
  return state
}

export function readFunctionInput(bare: Bare, state: FunctionInput, place: Place): State {
  const from = place.at
  const result = state.scan.push(place)
  state.written += place.source.slice(from, place.at)
  if (result === 'call') return state
  const input = result === 'whole' ? parseLiteral(state.written.slice(state.start)) : undefined
  return finish(bare, state, isObject(input) ? input : undefined)
}

/** A value may contain any text, so the function ends only right after a parameter, or where there is none. */
export function readFunctionParameters(bare: Bare, state: FunctionParameters, place: Place): State {
  const char = place.source[place.at] as string
  state.written += char
  // Looking at all that was written each time would take quadratic time.
  state.recent = (state.recent + char).slice(-RECENT)
  place.at += 1
  const { written, start, recent } = state
  const length = written.length - start
  // The first tag is either a parameter's or the function's end.
  if (length <= PARAMETER.length && !mayOpen(recent)) return giveUp(bare, state)
  if (char !== '>' || !recent.endsWith(FUNCTION_END)) return state
  const isEmpty = length === FUNCTION_END.length
  if (!isEmpty && !/<\/parameter>\s*$/.test(recent.slice(0, -FUNCTION_END.length))) return state
  return finish(bare, state, parametersOf(written.slice(start, -FUNCTION_END.length)))
}

const MAX_NAME = 128
const PARAMETER = '<parameter='
const PARAMETER_END = '</parameter>'
// The ends of a parameter and of the function, and white space between.
const RECENT = 100

function mayOpen(text: string): boolean {
  return PARAMETER.startsWith(text) || FUNCTION_END.startsWith(text)
}

/** The values as they stand between the tags, without the line feeds beside those. undefined: there is other text. */
function parametersOf(text: string): WrittenObject | undefined {
  const input: WrittenObject = {}
  let at = 0
  for (;;) {
    while (/\s/.test(text[at] ?? '')) at += 1
    if (at === text.length) return input
    const open = text.indexOf('>', at)
    const end = text.indexOf(PARAMETER_END, at)
    const key = text.startsWith(PARAMETER, at) ? text.slice(at + PARAMETER.length, open).trim() : ''
    if (key === '' || open < 0 || end < open || Object.hasOwn(input, key)) return undefined
    setKey(
      input,
      key,
      text
        .slice(open + 1, end)
        .replace(/^\r?\n/, '')
        .replace(/\r?\n$/, ''),
    )
    at = end + PARAMETER_END.length
  }
}

type Inside = FunctionInput | FunctionParameters

function finish(bare: Bare, state: Inside, input: WrittenObject | undefined): State {
  const calls: ToolCall[] | undefined = input && allCalls([{ name: state.name, input }], bare.tools)
  if (!calls) return giveUp(bare, state)
  bare.out.calls(calls)
  return PROSE
}

function giveUp({ out }: Bare, { written }: FunctionHead | FunctionBody | Inside): State {
  out.text(written)
  return PROSE
}
