/** What Python's string methods do, on JavaScript's strings. Positions and widths count characters. */
import { building, built, searching, seeking, spend, TemplateError, walking } from './limits.js'
import { SPACE } from './python-text.js'
import { hasPairs, lengthOf } from './values.js'

export type Sides = 'left' | 'right' | 'both'

const SPACES = new RegExp(`[${SPACE}]+`, 'g')
const WORD = new RegExp(`[^${SPACE}]+`, 'g')
const IS_SPACE = new RegExp(`[${SPACE}]`)
const ALL_SPACE = new RegExp(`^[${SPACE}]+$`)
const LINE_ENDS = '\n\r\v\f\x1c-\x1e\x85\u2028\u2029'
const LINE_END = new RegExp(`\r\n|[${LINE_ENDS}]`, 'g')

export function isSpace(text: string): boolean {
  return ALL_SPACE.test(text)
}

/** As a list. */
export function characters(text: string): string[] {
  walking(text.length)
  return [...text]
}

export function strip(text: string, chars: string | undefined, sides: Sides): string {
  searching(text.length)
  // Of a character of two units the first is not stripped alone: such texts go by characters.
  const list = hasPairs(text) || hasPairs(chars ?? '') ? characters(text) : text
  const set = chars === undefined ? undefined : new Set(chars)
  const isStripped = (one: string) => (set === undefined ? IS_SPACE.test(one) : set.has(one))
  let from = 0
  let to = list.length
  if (sides !== 'right') while (from < to && isStripped(list[from] as string)) from++
  if (sides !== 'left') while (to > from && isStripped(list[to - 1] as string)) to--
  return typeof list === 'string' ? list.slice(from, to) : list.slice(from, to).join('')
}

/** Without a separator: at runs of whitespace, and empty parts are left out. A negative `most` is no limit. */
export function split(text: string, separator: string | undefined, most: number, fromRight: boolean): string[] {
  seeking(text, separator ?? ' ')
  if (separator === '') throw new TemplateError('empty separator')
  const parts = separator === undefined ? words(text, most, fromRight) : pieces(text, separator, most, fromRight)
  spend(parts.length)
  return parts
}

function pieces(text: string, separator: string, most: number, fromRight: boolean): string[] {
  const parts = text.split(separator)
  if (most < 0 || parts.length <= most + 1) return parts
  if (!fromRight) return [...parts.slice(0, most), parts.slice(most).join(separator)]
  const cut = parts.length - most
  return [parts.slice(0, cut).join(separator), ...parts.slice(cut)]
}

function words(text: string, most: number, fromRight: boolean): string[] {
  const found = [...text.matchAll(WORD)]
  const all = found.map(([word]) => word)
  if (most < 0 || all.length <= most) return all
  if (!fromRight) return [...all.slice(0, most), text.slice((found[most] as RegExpExecArray).index)]
  const cut = all.length - most
  const last = found[cut - 1] as RegExpExecArray
  return [text.slice(0, last.index + last[0].length), ...all.slice(cut)]
}

export function splitLines(text: string, keepsEnds: boolean): string[] {
  searching(text.length)
  const lines: string[] = []
  let at = 0
  for (const end of text.matchAll(LINE_END)) {
    lines.push(text.slice(at, end.index + (keepsEnds ? end[0].length : 0)))
    at = end.index + end[0].length
  }
  if (at < text.length) lines.push(text.slice(at))
  spend(lines.length)
  return lines
}

/** The part between two positions; undefined: they are out of order. */
export function section(text: string, start: number | undefined, end: number | undefined): string | undefined {
  if (start === undefined && end === undefined) return text
  const list = hasPairs(text) ? characters(text) : text
  const clamp = (at: number) => Math.min(Math.max(at < 0 ? at + list.length : at, 0), list.length)
  if ((start ?? 0) > list.length || clamp(start ?? 0) > clamp(end ?? list.length)) return undefined
  const part = list.slice(clamp(start ?? 0), clamp(end ?? list.length))
  return typeof part === 'string' ? part : part.join('')
}

/** -1: it is not there. */
export function find(text: string, part: string, start = 0, end: number | undefined, fromRight: boolean): number {
  searching(text.length)
  const inside = section(text, start, end)
  if (inside === undefined) return -1
  seeking(inside, part)
  const at = fromRight ? inside.lastIndexOf(part) : inside.indexOf(part)
  if (at < 0) return -1
  const before = start < 0 ? Math.max(0, lengthOf(text) + start) : start
  return before + lengthOf(inside.slice(0, at))
}

export function countOf(text: string, part: string): number {
  seeking(text, part)
  if (part === '') return lengthOf(text) + 1
  let found = 0
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) found++
  spend(found / 8)
  return found
}

/** A negative `most` is no limit. */
export function replace(text: string, old: string, replacement: string, most: number): string {
  seeking(text, old)
  if (most < 0 && !text.includes(old)) return text
  const parts = old === '' ? ['', ...characters(text), ''] : text.split(old)
  spend(parts.length / 4)
  const count = most < 0 ? parts.length - 1 : Math.min(most, parts.length - 1)
  building(text.length + count * Math.max(0, replacement.length - old.length))
  if (count === parts.length - 1) return parts.join(replacement)
  const rest = parts.slice(count + 1).map((part) => old + part)
  return parts.slice(0, count + 1).join(replacement) + rest.join('')
}

export function join(separator: string, parts: readonly string[]): string {
  let length = separator.length * Math.max(0, parts.length - 1)
  for (const part of parts) length += part.length
  building(length)
  return parts.join(separator)
}

/** `side`: where the filling goes. */
export function justify(text: string, width: number, filler: string, side: Sides): string {
  const missing = Math.max(0, width - lengthOf(text))
  building(text.length + missing * filler.length)
  const odd = missing % 2 === 1 && width % 2 === 1 ? 1 : 0
  const left = side === 'left' ? missing : side === 'right' ? 0 : Math.floor(missing / 2) + odd
  return filler.repeat(left) + text + filler.repeat(missing - left)
}

export function expandTabs(text: string, size: number): string {
  walking(text.length)
  let column = 0
  let out = ''
  for (const one of text) {
    if (one === '\t') {
      const spaces = size > 0 ? size - (column % size) : 0
      building(spaces)
      out += ' '.repeat(spaces)
      column += spaces
      continue
    }
    out += one
    column = one === '\n' || one === '\r' ? 0 : column + 1
  }
  return built(out)
}

/** Letters of two, whose title case is neither upper nor lower case. */
const DIGRAPHS = /[\u01c4-\u01cc\u01f1-\u01f3]/

function titleCase(character: string): string {
  if (DIGRAPHS.test(character)) {
    const code = character.charCodeAt(0)
    return String.fromCharCode(code >= 0x1f1 ? 0x1f2 : code - ((code - 0x1c4) % 3) + 1)
  }
  const upper = character.toUpperCase()
  const [first = '', ...rest] = upper
  return first + rest.join('').toLowerCase()
}

export function capitalize(text: string): string {
  const [first = ''] = text
  return titleCase(first) + built(text).toLowerCase().slice(first.toLowerCase().length)
}

export function title(text: string): string {
  walking(text.length)
  return built(text).replace(/\p{Cased}+/gu, capitalize)
}

export function swapCase(text: string): string {
  return Array.from(characters(built(text)), (one) =>
    one === one.toLowerCase() ? one.toUpperCase() : one.toLowerCase(),
  ).join('')
}

export function casefold(text: string): string {
  return Array.from(characters(built(text)), (one) => one.toUpperCase().toLowerCase()).join('')
}

/** Every run of whitespace becomes one space, and none is left around the text. */
export function squeeze(text: string): string {
  walking(text.length)
  return strip(text.replace(SPACES, ' '), undefined, 'both')
}
