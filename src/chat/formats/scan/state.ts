/** The states of a scan for calls: what each waits for, and what it keeps. */

/** What a call may call its input. */
export const INPUT_KEYS = ['parameters', 'arguments', 'args', 'input']
/** The keys of a call. An object with other keys is no call: a tool's definition or a package.json has more. */
export const CALL_KEYS = ['name', 'function', ...INPUT_KEYS, 'type', 'id']

/** What counts as a call. */
export interface CallShape {
  /** Whether `name` is a tool's name or the beginning of one. */
  mayName(name: string): boolean
  isName(name: string): boolean
  /** Whether `[f(a=1)]` and `f(a=1)` are calls here. */
  pythonic: boolean
  /** Whether any object counts: a marker has said that it is a call. */
  anyObject?: boolean
}

/** An open bracket. `print(` has to contain a call; once that opens, it is `(`. */
export type Bracket = '{' | '[' | '(' | 'print('

/** What all states of one scan share. */
export interface Scan {
  readonly shape: CallShape
  readonly open: Bracket[]
  /** Once false, it stays false. */
  mayBeCall: boolean
}

/** What a string is to the object around it. Only keys and names of calls are checked. */
export type Role = 'call-key' | 'call-name' | 'key' | 'value'

interface OpenString {
  quote: string
  role: Role
  /** The beginning of a call's key or name; '' for other strings. */
  text: string
}

export type Short = { at: 'string' } & OpenString
/** `closing`: how many of the three quotes that end it were read. */
export type Long = { at: 'long-string'; closing: number } & OpenString

/** Waits for a value; after `[` and `(` also for their end. */
export type Value = { at: 'value' }
/** Waits for the value of a call's "name", which has to be a string; that of its "function" may be an object too. */
export type NameValue = { at: 'name'; orObject: boolean }
/** Waits for a key, or for the end of the object. */
export type Key = { at: 'key' }
export type Colon = { at: 'colon'; value: Value | NameValue }
/** Waits for a comma, or for the end of what contains the value. */
export type Next = { at: 'next' }
/** The same within parentheses, where `=` may follow a word. */
export type AfterWord = { at: 'after-word' }
export type Word = { at: 'word'; text: string }
/** One quote was read: a string's first. */
export type FirstQuote = { at: 'first-quote'; quote: string; role: Role }
/** Two quotes were read: an empty string, or the start of a long one. */
export type SecondQuote = { at: 'second-quote'; quote: string; role: Role }
export type Escape = { at: 'escape'; within: Short | Long; hex?: string }
/** The scan ended with the last character. */
export type Whole = { at: 'whole' }
/** The next character does not belong to what is scanned. */
export type None = { at: 'none' }

export type Structure = Value | NameValue | Key | Colon | Next | AfterWord
export type State = Structure | Word | FirstQuote | SecondQuote | Short | Long | Escape | Whole | None

export const VALUE: Value = { at: 'value' }
export const KEY: Key = { at: 'key' }
export const COLON: Colon = { at: 'colon', value: VALUE }
export const COLON_OF_NAME: Colon = { at: 'colon', value: { at: 'name', orObject: false } }
export const COLON_OF_FUNCTION: Colon = { at: 'colon', value: { at: 'name', orObject: true } }
export const NEXT: Next = { at: 'next' }
export const AFTER_WORD: AfterWord = { at: 'after-word' }
export const WHOLE: Whole = { at: 'whole' }
export const NONE: None = { at: 'none' }

/** After a marker that says that an object is the input of a call. */
export const ANY_OBJECT: CallShape = { mayName: () => true, isName: () => true, pythonic: false, anyObject: true }

/** Whether a `print(` waits for its call. */
export function awaitsPrinted({ open }: Scan): boolean {
  return open.length === 1 && open[0] === 'print('
}

/** Whether the next value is an item of a list that may be one of calls. */
export function inCallList({ open }: Scan): boolean {
  return open.length === 1 && open[0] === '['
}
