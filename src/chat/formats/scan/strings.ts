/** The states of a scan within a string: "…", '…' and the long strings of Python, """…""" and '''…'''. */
import type { Place } from '../place.js'
import {
  awaitsPrinted,
  CALL_KEYS,
  COLON,
  COLON_OF_FUNCTION,
  COLON_OF_NAME,
  type Escape,
  type FirstQuote,
  inCallList,
  type Key,
  type Long,
  type NameValue,
  NEXT,
  NONE,
  type Role,
  type Scan,
  type SecondQuote,
  type Short,
  type State,
  type Value,
} from './state.js'

const BACKSLASH = 0x5c
const LINE_FEED = 0x0a
// What stands for something else than itself behind a backslash, beside `u` and its four digits.
const ESCAPED: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

export function openString(scan: Scan, { at }: Value | NameValue | Key, quote: string): FirstQuote {
  // print(…) and a list of calls contain only calls.
  if (scan.mayBeCall && (awaitsPrinted(scan) || (at !== 'key' && inCallList(scan)))) scan.mayBeCall = false
  const checked = scan.mayBeCall && !scan.shape.anyObject && inCall(scan)
  if (at === 'key') return { at: 'first-quote', quote, role: checked ? 'call-key' : 'key' }
  return { at: 'first-quote', quote, role: checked && at === 'name' ? 'call-name' : 'value' }
}

/** Whether the innermost bracket is an object that may be a call, by itself or in a list. */
function inCall({ open }: Scan): boolean {
  const level = open[0] === '[' ? 2 : 1
  return open.length === level && open[level - 1] === '{'
}

export function readFirstQuote({ quote, role }: FirstQuote, place: Place): State {
  if (place.source[place.at] !== quote) return { at: 'string', quote, role, text: '' }
  place.at += 1
  return { at: 'second-quote', quote, role }
}

export function readSecondQuote(scan: Scan, { quote, role }: SecondQuote, place: Place): State {
  if (place.source[place.at] !== quote) return closeString(scan, role, '')
  place.at += 1
  return { at: 'long-string', closing: 0, quote, role, text: '' }
}

export function readString(scan: Scan, state: Short, place: Place): State {
  if (!isChecked(scan, state) && skipPlain(state, place, !scan.mayBeCall)) return state
  const char = place.source[place.at] as string
  place.at += 1
  if (char === state.quote) return closeString(scan, state.role, state.text)
  if (char === '\\') return { at: 'escape', within: state }
  // Models write line feeds into the strings of their calls as they are, which JSON forbids.
  if (char === '\n' && !scan.mayBeCall) return NONE
  keep(scan, state, char)
  return state
}

/** Skips characters up to one that may end the string or escape something. Returns whether there were any. */
function skipPlain({ quote }: Short, place: Place, endsWithLine: boolean): boolean {
  const { source, end, at: start } = place
  const last = quote.charCodeAt(0)
  let at = start
  for (; at < end; at += 1) {
    const code = source.charCodeAt(at)
    if (code === last || code === BACKSLASH || (code === LINE_FEED && endsWithLine)) break
  }
  place.at = at
  return at > start
}

export function readLongString(scan: Scan, state: Long, place: Place): State {
  const char = place.source[place.at] as string
  place.at += 1
  if (char === state.quote) {
    state.closing += 1
    return state.closing === 3 ? closeString(scan, state.role, state.text) : state
  }
  state.closing = 0
  if (char === '\\') return { at: 'escape', within: state }
  keep(scan, state, char)
  return state
}

export function readEscape(scan: Scan, { within, hex }: Escape, place: Place): State {
  const char = place.source[place.at] as string
  if (hex === undefined) {
    place.at += 1
    if (char === 'u' && isChecked(scan, within)) return { at: 'escape', within, hex: '' }
    keep(scan, within, ESCAPED[char] ?? char)
    return within
  }
  if (!/[\da-f]/i.test(char)) {
    scan.mayBeCall = false
    return within
  }
  place.at += 1
  const digits = hex + char
  if (digits.length < 4) return { at: 'escape', within, hex: digits }
  keep(scan, within, String.fromCharCode(Number.parseInt(digits, 16)))
  return within
}

function closeString(scan: Scan, role: Role, text: string): State {
  switch (role) {
    case 'call-key':
      if (!CALL_KEYS.includes(text)) scan.mayBeCall = false
      if (text === 'function') return COLON_OF_FUNCTION
      return text === 'name' ? COLON_OF_NAME : COLON
    case 'call-name':
      if (!scan.shape.isName(text)) scan.mayBeCall = false
      return NEXT
    case 'key':
      return COLON
    default:
      return NEXT
  }
}

function isChecked({ mayBeCall }: Scan, { role }: Short | Long): boolean {
  return mayBeCall && (role === 'call-key' || role === 'call-name')
}

/** Checks a key or name of a call while it is read. */
function keep(scan: Scan, string: Short | Long, char: string): void {
  if (!isChecked(scan, string)) return
  string.text += char
  const { text, role } = string
  const fits = role === 'call-key' ? CALL_KEYS.some((key) => key.startsWith(text)) : scan.shape.mayName(text)
  if (!fits) scan.mayBeCall = false
}
