/** Quotes a word for a shell. */

/** As it is if it needs no quotes, else in single ones, which bash, zsh and fish read alike. */
export function quoted(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
