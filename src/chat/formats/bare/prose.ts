/** The states of a reader of bare calls outside of fences: prose, tags, and calls in the middle of prose. */
import { callScan } from '../call-scan.js'
import type { Place } from '../place.js'
import { readScannedCalls, readUnclosedCalls } from '../scanned-calls.js'
import { FUNCTION_TAG } from './forms.js'
import {
  type Bare,
  type Data,
  mayBeginWord,
  type OpenCall,
  PROSE,
  type RestOfLine,
  type State,
  type Tag,
} from './state.js'

/** Emits text up to the next character that may begin something else. */
export function readProse(bare: Bare, place: Place): State {
  const { out } = bare
  const { source, at } = place
  const first = source[at] as string
  if (out.holds(first)) {
    out.hold(first)
    place.at += 1
    return PROSE
  }
  const end = proseEnd(bare, place)
  if (end === at) return begin(bare, first, place)
  out.text(source.slice(at, end))
  place.at = end
  return PROSE
}

const LINE_FEED = 0x0a
const BACKTICK = 0x60
const BRACE = 0x7b
const BRACKET = 0x5b
const LESS = 0x3c

function proseEnd(bare: Bare, { source, at, end }: Place): number {
  const hasTags = bare.forms.tags.length > 0
  // Without a list of tools any word could be a name.
  const seeksWords = bare.tools !== undefined && bare.forms.pythonic
  let blank = bare.out.atLineStart()
  for (let i = at; i < end; i += 1) {
    const code = source.charCodeAt(i)
    if (code === BRACE || code === BRACKET || code === BACKTICK || (code === LESS && hasTags)) return i
    if (code === LINE_FEED) {
      blank = true
    } else if (blank) {
      const char = source[i] as string
      if (seeksWords && mayBeginWord(bare, char)) return i
      blank = /\s/.test(char)
    }
  }
  return end
}

function begin(bare: Bare, char: string, place: Place): State {
  if (char === '`' || char === '<') {
    place.at += 1
    return char === '`' ? { at: 'ticks', count: 1, within: PROSE } : { at: 'tag', written: char }
  }
  const asData = bare.out.opensValue()
  const scan = callScan(bare.shape, { asData })
  return asData ? { at: 'data', scan } : { at: 'call', written: '', scan }
}

export function readTag({ forms, out }: Bare, state: Tag, place: Place): State {
  const written = state.written + place.source[place.at]
  if (![...forms.tags, FUNCTION_TAG].some((tag) => tag.startsWith(written))) {
    out.text(state.written)
    return PROSE
  }
  place.at += 1
  if (written === FUNCTION_TAG) return { at: 'function-head', written, name: '' }
  if (!forms.tags.includes(written)) return { at: 'tag', written }
  out.hold(written)
  return PROSE
}

export function readCall(bare: Bare, state: OpenCall, place: Place): State {
  const { scan } = state
  const from = place.at
  const result = scan.push(place)
  state.written += place.source.slice(from, place.at)
  if (result === 'call') return state
  if (result === 'whole') return endCall(bare, state)
  if (result === 'none' && place.source[place.at] === '<' && bare.out.isMarked()) {
    // The closing tag comes before the call's last brackets: they are missing.
    const calls = readUnclosedCalls(state, bare.tools, { marked: true })
    if (calls) bare.out.calls(calls)
    if (calls) return PROSE
  }
  bare.out.text(state.written)
  return result === 'data' ? { at: 'data', scan } : PROSE
}

function endCall({ out, tools }: Bare, { scan, written }: OpenCall): State {
  const calls = scan.isCall() ? readScannedCalls(written, tools, { marked: out.isMarked() }) : undefined
  if (calls && !/^[{[]/.test(written)) return { at: 'rest-of-line', written, calls }
  if (calls) out.calls(calls)
  else out.text(written)
  return PROSE
}

export function readData({ out }: Bare, state: Data, place: Place): State {
  const from = place.at
  const result = state.scan.push(place)
  out.text(place.source.slice(from, place.at))
  return result === 'whole' || result === 'none' ? PROSE : state
}

export function readRestOfLine({ out }: Bare, state: RestOfLine, place: Place): State {
  const char = place.source[place.at] as string
  if (char === ' ' || char === '\t' || char === '\r') {
    state.written += char
    place.at += 1
    return state
  }
  if (char === '\n' || char === ';') out.calls(state.calls)
  else out.text(state.written)
  return PROSE
}
