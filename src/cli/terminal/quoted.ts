/** Quotes a word for a shell. */
import { oneLine } from '../../one-line.js'

/**
 * As it is if it needs no quotes, else in single ones, which bash, zsh and fish read alike. A word with control characters
 * is written with escapes, as bash and zsh read them.
 */
export function quoted(word: string): string {
  if (oneLine(word) !== word) return `$'${[...word].map(escaped).join('')}'`
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/** bash reads \x9b as a byte, which is no letter in UTF-8. */
function escaped(letter: string): string {
  if (/[\\']/.test(letter)) return `\\${letter}`
  const code = letter.codePointAt(0) ?? 0
  if (oneLine(letter) === letter) return letter
  return code < 128 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
}
