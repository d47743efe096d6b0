/**
 * Finds out, character by character, whether a brace, a bracket or a name opens a call, and where that ends.
 *
 * What is scanned: `{"name": …, "parameters": {…}}`, a list of those, `[f(a=1), g()]`, and `f(a=1)` by itself. A scan says
 * as early as it can be known that it is no call. JSON that is none, such as a package.json, is followed to its end all
 * the same: what looks like a call inside of a larger document is part of that document.
 */
import { MAX_DEPTH } from './depth.js'

/**
 * `call`: it may still be one. `data`: well-formed, and none. `whole`: it ended with the last character.
 * `none`: the last character does not belong to it, and stands after it.
 */
export type ScanState = 'call' | 'data' | 'whole' | 'none'

export interface CallScan {
  /** Takes characters of `text` from `from` on until the state changes. `end`: the first that was not taken. */
  push(text: string, from: number): { state: ScanState; end: number }
  inString(): boolean
  /** Whether a string is open in which a line feed is nothing special. */
  inLongString(): boolean
  /** Whether what ended was a call as far as its shape goes. */
  isCall(): boolean
}

export interface CallShape {
  /** Whether `name` is, or with more letters may become, the name of a tool. */
  mayName(name: string): boolean
  isName(name: string): boolean
  /** Whether `[f(a=1)]` and `f(a=1)` are calls here. */
  pythonic: boolean
  /** Whether any object will do: a marker has said that it is a call. */
  anyObject?: boolean
}

/** The keys of a call. One with others is none: a tool's definition or a package.json has more. */
export const CALL_KEYS = ['name', 'parameters', 'arguments', 'type', 'id']

const MAX_NAME = 128

// What the scan waits for. A plain number each, since this runs for every character.
const VALUE = 0 // a value; after '[' and '(' also the end
const KEY = 1 // a key or the end of the object
const COLON = 2
const NEXT = 3 // a comma or the end of what holds the value
const STRING = 4
const ESCAPE = 5
const OPENED = 6 // one quote has been read
const OPENED_TWICE = 7 // two: an empty string, or the start of a long one
const WORD = 8
const AFTER_WORD = 9 // within parentheses, where = may follow

/** `asData`: what follows is part of code, and no call whatever it looks like. */
export function callScan(shape: CallShape, { asData = false } = {}): CallScan {
  const open: string[] = []
  let wait = VALUE
  let mayBeCall = !asData
  let begun = false
  let quote = ''
  let long = false
  let closing = 0
  let text = ''
  let isKey = false
  let key = ''
  // How deep the objects lie that are calls: 1, or 2 within a list.
  let level = 1
  let printing = false

  const fail = () => {
    mayBeCall = false
  }

  const isPython = () => open[0] === '(' || open[1] === '('

  /** A name is a string, and print(…) holds a call. */
  const checkPlace = () => {
    if (isPrint() || (key === 'name' && open.length === level && open[level - 1] === '{')) fail()
  }

  const enter = (bracket: string): boolean => {
    checkPlace()
    open.push(bracket)
    if (open.length > MAX_DEPTH) fail()
    if (bracket === '[' && open.length === 1) level = 2
    // Nothing but calls is in a list of calls.
    else if (bracket === '[' && open.length === 2 && level === 2) fail()
    wait = bracket === '{' ? KEY : VALUE
    return true
  }

  /** Whether `}`, `]` or `)` closes what is open. */
  const leave = (bracket: string): boolean => {
    const opened = open.pop()
    wait = NEXT
    return (
      (opened === '{' && bracket === '}') || (opened === '[' && bracket === ']') || (opened === '(' && bracket === ')')
    )
  }

  const beginString = (char: string): boolean => {
    quote = char
    long = false
    closing = 0
    text = ''
    isKey = wait === KEY
    wait = OPENED
    if (isPrint()) fail()
    if (!isKey && open.length === 1 && open[0] === '[') fail()
    return true
  }

  /** Looks at keys and names of calls, as far as they are written. */
  const checkString = (ended: boolean) => {
    if (shape.anyObject || !mayBeCall || open.length !== level || open[level - 1] !== '{') return
    if (isKey) {
      if (ended ? !CALL_KEYS.includes(text) : !CALL_KEYS.some((one) => one.startsWith(text))) fail()
      if (ended) key = text
    } else if (key === 'name') {
      if (ended ? !shape.isName(text) : !shape.mayName(text)) fail()
    }
  }

  const endString = () => {
    checkString(true)
    wait = isKey ? COLON : NEXT
  }

  /** Of a key or name everything is kept, of other strings nothing. */
  const keep = (char: string) => {
    if (open.length > level || !mayBeCall) return
    text += char
    checkString(false)
  }

  const stepString = (char: string): boolean => {
    if (wait === ESCAPE) {
      wait = STRING
      keep(char)
      return true
    }
    if (wait === OPENED) {
      wait = char === quote ? OPENED_TWICE : STRING
      if (wait === OPENED_TWICE) return true
    } else if (wait === OPENED_TWICE) {
      if (char !== quote) {
        endString()
        return step(char)
      }
      long = true
      wait = STRING
      return true
    }
    if (char === quote) {
      closing += 1
      if (!long || closing === 3) endString()
      return true
    }
    closing = 0
    if (char === '\\') wait = ESCAPE
    // Models write line feeds into the strings of their calls as they are, which JSON forbids.
    else if (char === '\n' && !mayBeCall && !long) return false
    else keep(char)
    return true
  }

  const beginWord = (char: string): boolean => {
    if (!isPrint()) checkPlace()
    text = char
    wait = WORD
    checkWord()
    return true
  }

  /** A word may be the name of a call: by itself, in a list of calls, and in print(…). */
  const mayOpenCall = () => open.length === 0 || (open.length === 1 && open[0] === '[') || isPrint()
  const isPrint = () => printing && open.length === 1

  const checkWord = () => {
    if (!mayOpenCall() || isPrint()) return
    const name = text.replace(/^default_api\./, '')
    if (!shape.pythonic || !(shape.mayName(name) || 'default_api.'.startsWith(text) || 'print'.startsWith(text))) fail()
  }

  const openCall = (): boolean => {
    const name = text.replace(/^default_api\./, '')
    if (!shape.pythonic || !mayOpenCall() || !(shape.isName(name) || (name === 'print' && open.length === 0)))
      return false
    printing = name === 'print' && open.length === 0
    open.push('(')
    wait = VALUE
    return true
  }

  const stepWord = (char: string): boolean => {
    if (/[\w.+-]/.test(char)) {
      text += char
      if (text.length > MAX_NAME) fail()
      else checkWord()
      return true
    }
    if (char === '(') return mayBeCall && openCall()
    if (open.length === 0) return false
    if ((char === '"' || char === "'") && /^[rR]$/.test(text) && open.at(-1) !== '{') {
      wait = VALUE
      return beginString(char)
    }
    wait = open.at(-1) === '(' ? AFTER_WORD : NEXT
    return step(char)
  }

  const step = (char: string): boolean => {
    if (wait >= STRING && wait <= OPENED_TWICE) return stepString(char)
    if (wait === WORD) return stepWord(char)
    if (char === ' ' || char === '\n' || char === '\t' || char === '\r') return begun
    const closes = char === '}' || char === ']' || char === ')'
    if (wait === COLON) {
      wait = VALUE
      return char === ':'
    }
    if (wait === AFTER_WORD) {
      wait = NEXT
      if (char === '=') wait = VALUE
      if (char === '=') return true
    }
    if (wait === NEXT) {
      if (closes) return leave(char)
      wait = open.at(-1) === '{' ? KEY : VALUE
      return char === ','
    }
    if (closes) return leave(char)
    if (char === '"' || char === "'") return beginString(char)
    if (wait === KEY) return false
    if (char === '{' || char === '[') return enter(char)
    if (char === '(') return isPython() && enter(char)
    return /[\w.+-]/.test(char) && beginWord(char)
  }

  return {
    push(source, from) {
      const before = mayBeCall
      let at = from
      while (at < source.length) {
        if (!step(source[at] as string)) return { state: 'none', end: at }
        begun = true
        at += 1
        if (open.length === 0 && wait === NEXT) return { state: 'whole', end: at }
        if (mayBeCall !== before) return { state: 'data', end: at }
      }
      return { state: mayBeCall ? 'call' : 'data', end: at }
    },
    inString: () => wait >= STRING && wait <= OPENED,
    inLongString: () => long && wait >= STRING && wait <= OPENED_TWICE,
    isCall: () => mayBeCall,
  }
}
