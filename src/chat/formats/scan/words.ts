/** The states of a scan within a word: a number, a constant, an argument's name, or the name of a Python call. */

import type { Place } from '../place.js'
import {
  AFTER_WORD,
  awaitsPrinted,
  inCallList,
  type NameValue,
  NEXT,
  NONE,
  type Scan,
  type State,
  VALUE,
  type Value,
  type Word,
} from './state.js'
import { openString } from './strings.js'

const MAX_NAME = 128
const COLON = 0x3a
// The prefix of Gemini's own tools, which Gemma learned from it.
const PREFIX = 'default_api.'

// By character code, since every character is looked up: letters, digits and `_.+-`.
const IN_WORD = Array.from({ length: 128 }, (_, code) => /[\w.+-]/.test(String.fromCharCode(code)))

export function isWordCharacter(code: number): boolean {
  return code < 128 && IN_WORD[code] === true
}

export function openWord(scan: Scan, state: Value | NameValue, char: string): Word {
  if (state.at === 'name' || !mayBeWord(scan, char)) scan.mayBeCall = false
  return { at: 'word', text: char }
}

export function readWord(scan: Scan, state: Word, place: Place): State {
  const code = place.source.charCodeAt(place.at)
  if (isWordCharacter(code)) return scan.mayBeCall ? keep(scan, state, place) : skip(place)
  if (code === COLON && scan.mayBeCall && isNaming(scan) && mayBeWord(scan, `${state.text}:`))
    return keep(scan, state, place)
  const { open } = scan
  const char = place.source[place.at]
  if (char === '(') {
    place.at += 1
    return scan.mayBeCall ? openCall(scan, state.text) : NONE
  }
  if (open.length === 0) return NONE
  if ((char === '"' || char === "'") && /^[rR]$/.test(state.text) && open.at(-1) !== '{') {
    place.at += 1
    return openString(scan, VALUE, char)
  }
  const inside = open.at(-1)
  return inside === '(' || inside === 'print(' ? AFTER_WORD : NEXT
}

function keep(scan: Scan, state: Word, place: Place): Word {
  state.text += place.source[place.at]
  place.at += 1
  if ((isNaming(scan) && state.text.length > MAX_NAME) || !mayBeWord(scan, state.text)) scan.mayBeCall = false
  return state
}

/** In data the word itself does not matter. */
function skip(place: Place): Word {
  while (place.at < place.end && isWordCharacter(place.source.charCodeAt(place.at))) place.at += 1
  return { at: 'word', text: '' }
}

/** By itself and in a list of calls, a word has to be the name of a call. */
function mayBeWord(scan: Scan, text: string): boolean {
  if (!isNaming(scan)) return true
  const { pythonic, mayName } = scan.shape
  return pythonic && (mayName(withoutPrefix(text)) || PREFIX.startsWith(text) || 'print'.startsWith(text))
}

/** Whether a word here would be the name of a call. */
function isNaming(scan: Scan): boolean {
  return scan.open.length === 0 || inCallList(scan)
}

function openCall(scan: Scan, text: string): State {
  const { open, shape } = scan
  const name = withoutPrefix(text)
  const prints = name === 'print' && open.length === 0
  const mayOpen = open.length === 0 || inCallList(scan) || awaitsPrinted(scan)
  if (!shape.pythonic || !mayOpen || !(shape.isName(name) || prints)) return NONE
  if (awaitsPrinted(scan)) open[0] = '('
  open.push(prints ? 'print(' : '(')
  return VALUE
}

function withoutPrefix(text: string): string {
  return text.startsWith(PREFIX) ? text.slice(PREFIX.length) : text
}
