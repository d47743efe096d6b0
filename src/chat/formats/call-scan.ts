/**
 * Finds out, character by character, whether a brace, a bracket or a name opens a call, and where that ends.
 *
 * It scans `{"name": …, "parameters": {…}}`, a list of those, `[f(a=1), g()]`, and `f(a=1)` by itself, and reports as
 * early as possible that the text is not a call. JSON that is not a call, such as a package.json, is still followed to
 * its end: what looks like a call inside a larger document is part of that document.
 */
import type { Place } from './place.js'
import { type CallShape, NONE, type Scan, type State, VALUE } from './scan/state.js'
import { readEscape, readFirstQuote, readLongString, readSecondQuote, readString } from './scan/strings.js'
import { readStructure } from './scan/structure.js'
import { readWord } from './scan/words.js'

/**
 * `call`: it may still be a call. `data`: it is well-formed, but not a call. `whole`: it ended with the last character.
 * `none`: the next character does not belong to it.
 */
export type ScanState = 'call' | 'data' | 'whole' | 'none'

export interface CallScan {
  /** Takes characters until the state changes. */
  push(place: Place): ScanState
  inString(): boolean
  /** Whether a string is open that may contain line feeds, such as Python's """…""". */
  inLongString(): boolean
  /** Whether what ended has the shape of a call. */
  isCall(): boolean
  /** The brackets that JSON lacks which has the shape of a call so far and ends after a value. undefined: it is not so. */
  missing(): string | undefined
}

/** `asData`: the text is part of code, and not a call even if it looks like one. */
export function callScan(shape: CallShape, { asData = false } = {}): CallScan {
  const scan: Scan = { shape, open: [], mayBeCall: !asData }
  let state: State = VALUE
  // What it waited for when the text ended or stopped to belong to it.
  let last: State = VALUE
  return {
    push(place) {
      const before = scan.mayBeCall
      while (place.at < place.end) {
        const { at } = place
        last = state
        state = read(scan, state, place)
        if (state.at === 'whole') return 'whole'
        if (state.at === 'none') {
          place.at = at
          return 'none'
        }
        // If the reader took nothing, the character belongs to the next state.
        if (scan.mayBeCall !== before && place.at > at) return 'data'
      }
      return scan.mayBeCall ? 'call' : 'data'
    },
    inString: () => isString(state) || state.at === 'first-quote',
    inLongString: () => state.at === 'long-string' || (state.at === 'escape' && state.within.at === 'long-string'),
    isCall: () => scan.mayBeCall,
    missing() {
      const { at } = state.at === 'none' ? last : state
      return scan.mayBeCall && (at === 'next' || at === 'word') ? closing(scan) : undefined
    },
  }
}

function read(scan: Scan, state: State, place: Place): State {
  switch (state.at) {
    case 'value':
    case 'name':
    case 'key':
    case 'colon':
    case 'next':
    case 'after-word':
      return readStructure(scan, state, place)
    case 'string':
      return readString(scan, state, place)
    case 'first-quote':
      return readFirstQuote(state, place)
    case 'second-quote':
      return readSecondQuote(scan, state, place)
    case 'long-string':
      return readLongString(scan, state, place)
    case 'escape':
      return readEscape(scan, state, place)
    case 'word':
      return readWord(scan, state, place)
    default:
      return NONE
  }
}

function closing({ open }: Scan): string | undefined {
  if (open.length === 0 || open.includes('(') || open.includes('print(')) return undefined
  return [...open]
    .reverse()
    .map((bracket) => (bracket === '{' ? '}' : ']'))
    .join('')
}

function isString({ at }: State): boolean {
  return at === 'string' || at === 'long-string' || at === 'escape'
}
