/** Wraps a line of text as Python's textwrap does. */
import { built, spend, TemplateError, walking } from './limits.js'
import { lengthOf } from './values.js'

interface Rules {
  width: number
  breakLong: boolean
  onHyphens: boolean
}

/** Words may break after a hyphen between letters, and around a dash of two hyphens. */
const CHUNK =
  /\s+|(?<=[\w!"'&.,?])-{2,}(?=\w)|[^\s\w]*\w+[^\d\W]-(?=\w+[^\d\W])|[^\s]+?(?:-(?:(?<=[^\d\W]{2}-)|(?<=[^\d\W]-[^\d\W]-))(?=[^\d\W]-?[^\d\W])|(?=\s|$)|(?<=[\w!"'&.,?])(?=-{2,}\w))/gu

export function wrapLine(line: string, { width, breakLong, onHyphens }: Rules): string[] {
  if (width <= 0) throw new TemplateError(`invalid width ${width} (must be > 0)`)
  // Where words may break is found by looking far ahead, from each of its characters at worst.
  walking(line.length + line.length ** 2 / 64)
  const chunks = (built(line).match(onHyphens ? CHUNK : /\s+|\S+/gu) ?? []).reverse() as string[]
  const lines: string[] = []
  while (chunks.length > 0) {
    spend(1)
    if (lines.length > 0 && (chunks.at(-1) as string).trim() === '') chunks.pop()
    const current: string[] = []
    let used = 0
    while (chunks.length > 0 && used + lengthOf(chunks.at(-1) as string) <= width) {
      const chunk = chunks.pop() as string
      used += lengthOf(chunk)
      current.push(chunk)
    }
    if (chunks.length > 0 && lengthOf(chunks.at(-1) as string) > width) {
      const long = chunks.pop() as string
      if (breakLong) {
        const room = Math.max(1, width - used)
        walking(long.length)
        const characters = [...long]
        current.push(characters.slice(0, room).join(''))
        chunks.push(characters.slice(room).join(''))
      } else if (current.length === 0) current.push(long)
      else chunks.push(long)
    }
    if (current.length > 0 && (current.at(-1) as string).trim() === '') current.pop()
    if (current.length > 0) lines.push(current.join(''))
  }
  return lines
}
