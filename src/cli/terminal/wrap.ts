/** Breaks text into lines of a width, between words. */
import { startOf, widthOf } from './text-width.js'

/** A word that is wider than a line keeps its line, so that a path or a command can be copied. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line)
      line = word
    } else {
      line = line ? `${line} ${word}` : word
    }
  }
  return [...lines, line]
}

/** The same, but splits a word that is wider than a line. */
export function wrapAndSplit(text: string, width: number): string[] {
  return wrap(text, width).flatMap((line) => split([...line], Math.max(2, width)))
}

function split(letters: string[], width: number): string[] {
  const start = startOf(letters, width)
  const rest = letters.slice(start.length)
  return rest.length === 0 ? [start.join('')] : [start.join(''), ...split(rest, width)]
}
