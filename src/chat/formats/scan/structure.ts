/** The states of a scan between strings and words: brackets, commas and colons. */
import { MAX_DEPTH } from '../depth.js'
import type { Place } from '../place.js'
import {
  awaitsPrinted,
  type Bracket,
  KEY,
  type Key,
  type NameValue,
  NEXT,
  NONE,
  type Scan,
  type State,
  type Structure,
  VALUE,
  type Value,
  WHOLE,
} from './state.js'
import { openString } from './strings.js'
import { isWordCharacter, openWord } from './words.js'

const CLOSED_BY: Record<Bracket, string> = { '{': '}', '[': ']', '(': ')', 'print(': ')' }

/** Takes one character. */
export function readStructure(scan: Scan, state: Structure, place: Place): State {
  const char = place.source[place.at] as string
  place.at += 1
  if (char === ' ' || char === '\n' || char === '\t' || char === '\r') return state
  switch (state.at) {
    case 'colon':
      return char === ':' ? state.value : NONE
    case 'after-word':
      return char === '=' ? VALUE : readNext(scan, char)
    case 'next':
      return readNext(scan, char)
    default:
      return readValue(scan, state, char)
  }
}

function readNext(scan: Scan, char: string): State {
  if (closes(char)) return leave(scan, char)
  if (char !== ',') return NONE
  return scan.open[scan.open.length - 1] === '{' ? KEY : VALUE
}

function readValue(scan: Scan, state: Value | NameValue | Key, char: string): State {
  if (closes(char)) return leave(scan, char)
  if (char === '"' || char === "'") return openString(scan, state, char)
  if (state.at === 'key') return NONE
  if (char === '{' || char === '[' || (char === '(' && isPython(scan))) return enter(scan, state, char)
  return isWordCharacter(char.charCodeAt(0)) ? openWord(scan, state, char) : NONE
}

function enter(scan: Scan, state: Value | NameValue, bracket: '{' | '[' | '('): State {
  const { open } = scan
  // A name is a string, print(…) contains a call, and a list of calls contains no lists.
  if ((state.at === 'name' && !(state.orObject && bracket === '{')) || awaitsPrinted(scan)) scan.mayBeCall = false
  if (bracket === '[' && open.length === 1 && open[0] === '[') scan.mayBeCall = false
  open.push(bracket)
  if (open.length > MAX_DEPTH) scan.mayBeCall = false
  return bracket === '{' ? KEY : VALUE
}

function leave({ open }: Scan, bracket: string): State {
  const opened = open.pop()
  if (opened === undefined || CLOSED_BY[opened] !== bracket) return NONE
  return open.length === 0 ? WHOLE : NEXT
}

function closes(char: string): boolean {
  return char === '}' || char === ']' || char === ')'
}

function isPython({ open }: Scan): boolean {
  return open[0] === '(' || open[0] === 'print(' || open[1] === '('
}
