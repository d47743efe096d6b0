/** Texts of files, models and clients as they may be shown: nothing in them moves a cursor or begins a line. */
import { messageOf } from './errors.js'

/** Writes control characters as escapes, such as \\x1b, and those that reorder a line; line feeds and tabs stay. */
export function escapeControls(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]|[\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, escaped)
}

/** The same for a part of a line, so that no text can look like another line. */
export function oneLine(text: string): string {
  return escapeControls(text).replaceAll('\n', '\\n')
}

// Characters of what a client has named, as an error shows it: its beginning, and its end, which may say what is wrong.
const SHOWN_FIRST = 280
const SHOWN_LAST = 120

/** A text that a client may have made as long as a body. */
export function briefly(text: string): string {
  if (text.length <= SHOWN_FIRST + SHOWN_LAST) return text
  return `${text.slice(0, SHOWN_FIRST)}…${text.slice(-SHOWN_LAST)}`.toWellFormed()
}

/** What an error of Node says, which names paths as they are. */
export function reasonOf(error: unknown): string {
  return oneLine(messageOf(error))
}

function escaped(letter: string): string {
  const code = letter.charCodeAt(0)
  return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`
}
