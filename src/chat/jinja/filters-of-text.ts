/** Filters of text, and those that write a value as text. */

import { sorted } from './compare.js'
import { type Filter, filter } from './filters-of-lists.js'
import { building, built, isVerbatim, TemplateError, walking } from './limits.js'
import { toFloat } from './numbers.js'
import { printf } from './printf.js'
import { fixedText, type JsonOptions, json, repr, SPACE, str } from './python-text.js'
import { count, text } from './signature.js'
import * as text_ from './text.js'
import { Dict, iterate, lengthOf, listOf, sizeOf, Tuple, truthy, Undefined, type Value } from './values.js'
import { wrapLine } from './wrap.js'

const isSet = (value: Value | undefined): boolean => value !== undefined && truthy(value)
const ofText = (name: string, run: (text: string) => Value): Filter => filter(name, [], (value) => run(str(value)))

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', "'": '&#39;', '"': '&#34;' }

export function toEntities(value: Value): string {
  const plain = str(value)
  walking(plain.length / 4)
  return built(plain.replace(/[&<>'"]/g, (one) => ENTITIES[one] as string))
}

function stripTags(value: Value): string {
  const bare = withoutTags(withoutTags(str(value), '<!--', '-->'), '<', '>')
  const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\xa0' }
  return text_.squeeze(bare).replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w+));/gi, (whole, decimal, hex, name) => {
    const code = decimal ? Number(decimal) : Number.parseInt(hex, 16)
    if (name !== undefined) return Object.hasOwn(named, name) ? (named[name] as string) : whole
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole
  })
}

/** Without what lies from `open` to the next `close`. */
function withoutTags(value: string, open: string, close: string): string {
  walking(value.length)
  let out = ''
  let at = 0
  for (;;) {
    const from = value.indexOf(open, at)
    const end = from < 0 ? -1 : value.indexOf(close, from + open.length)
    if (end < 0) return out + value.slice(at)
    out += value.slice(at, from)
    at = end + close.length
  }
}

/** Of each word, which a space, a hyphen or an opening bracket begins. */
function titled(value: string): string {
  walking(2 * value.length)
  const parts = value.split(new RegExp(`([-${SPACE}({\\[<]+)`)).filter((part) => part !== '')
  return parts
    .map((part) => [...part].map((one, i) => (i === 0 ? one.toUpperCase() : one.toLowerCase())).join(''))
    .join('')
}

function indent(value: Value, width: Value, isFirst: boolean, isBlank: boolean): string {
  if (value instanceof Undefined) value.fail()
  const by = typeof width === 'string' ? width : ' '.repeat(Math.max(0, sized(count(width, 'indent'))))
  // The newline makes sure that there is a first line.
  const [first = '', ...lines] = text_.splitLines(`${text(value, 'indent')}\n`, false)
  building((value as string).length + by.length * lines.length)
  const rest = lines.map((line) => `\n${isBlank || line !== '' ? by : ''}${line}`)
  return (isFirst ? by : '') + first + rest.join('')
}

function sized(width: number): number {
  building(Math.abs(width))
  return width
}

function truncate(value: Value, [length = 255, killWords, end = '...', leeway]: (Value | undefined)[]): Value {
  const [most, slack, mark] = [count(length, 'truncate'), count(leeway ?? 5, 'truncate'), text(end, 'truncate')]
  if (most < lengthOf(mark) || slack < 0) throw new TemplateError(`expected length >= ${lengthOf(mark)}, got ${most}`)
  // A list that is short enough is left as it is too.
  if ((sizeOf(value) ?? Number.POSITIVE_INFINITY) <= most + slack) return value
  const whole = text(value, 'truncate')
  const cut = text_.section(whole, undefined, most - lengthOf(mark)) as string
  if (isSet(killWords)) return cut + mark
  return (text_.split(cut, ' ', 1, true)[0] ?? '') + mark
}

function wordWrap(value: Value, [width = 79, breakLong = true, mark, onHyphens = true]: (Value | undefined)[]): string {
  const rules = { width: count(width, 'wordwrap'), breakLong: truthy(breakLong), onHyphens: truthy(onHyphens) }
  const newline = mark === undefined || mark === null ? '\n' : text(mark, 'wordwrap')
  const lines = text_.splitLines(text(value, 'wordwrap'), false).map((line) => wrapLine(line, rules).join(newline))
  return built(lines.join(newline))
}

function fileSize(value: Value, isBinary: boolean): string {
  const bytes = toFloat(value)
  if (bytes === undefined) throw new TemplateError(`could not convert to float: ${repr(value)}`)
  const base = isBinary ? 1024 : 1000
  if (bytes === 1) return '1 Byte'
  if (bytes < base) return `${Math.trunc(bytes)} Bytes`
  const letters = [...'kMGTPEZY']
  const at = Math.max(
    0,
    letters.findIndex((_, i) => bytes < base ** (i + 2) || i === letters.length - 1),
  )
  const size = (base * bytes) / base ** (at + 2)
  const letter = letters[at] as string
  return `${fixedText(size, 1)} ${isBinary ? `${letter.toUpperCase()}iB` : `${letter}B`}`
}

function urlEncode(value: Value): string {
  if (typeof value === 'string' || iterate(value) === undefined) return quoted(value, false)
  const pairs = value instanceof Dict ? [...value.entries()] : listOf(value).map(pairOf)
  return pairs.map(([key, inner]) => `${quoted(key, true)}=${quoted(inner, true)}`).join('&')
}

function pairOf(pair: Value): [Value, Value] {
  const [key, inner, ...more] = listOf(pair)
  if (key === undefined || inner === undefined || more.length > 0) throw new TemplateError('urlencode takes pairs')
  return [key, inner]
}

function quoted(value: Value, isQuery: boolean): string {
  const encoded = Array.from(text_.characters(built(str(value))), (one) => {
    if (/[\w.~/-]/.test(one) && !(isQuery && one === '/')) return one
    if (isVerbatim(one)) return one
    if (isQuery && one === ' ') return '+'
    return Array.from(Buffer.from(one), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('')
  })
  return encoded.join('')
}

function xmlAttributes(value: Value, hasSpace: boolean): string {
  if (!(value instanceof Dict)) throw new TemplateError('xmlattr takes a mapping')
  const parts: string[] = []
  for (const [key, inner] of value.entries()) {
    if (inner === null || inner instanceof Undefined) continue
    if (typeof key !== 'string' || /[\s/>=]/.test(key))
      throw new TemplateError(`Invalid character in attribute name: ${repr(key)}`)
    parts.push(`${toEntities(key)}="${toEntities(inner)}"`)
  }
  return (hasSpace && parts.length > 0 ? ' ' : '') + parts.join(' ')
}

function toJson(
  value: Value,
  [asciiOnly = false, indent, separators, sortKeys = false]: (Value | undefined)[],
): string {
  const isIndented = indent !== undefined && indent !== null
  const [between, colon] = separators === undefined || separators === null ? [] : listOf(separators)
  const options: JsonOptions = {
    asciiOnly: truthy(asciiOnly),
    indent: !isIndented
      ? undefined
      : typeof indent === 'string'
        ? indent
        : ' '.repeat(Math.max(0, sized(count(indent, 'tojson')))),
    separators: [
      between === undefined ? (isIndented ? ',' : ', ') : text(between, 'tojson'),
      colon === undefined ? ': ' : text(colon, 'tojson'),
    ],
    order: truthy(sortKeys) ? (keys) => sorted(keys, (key) => key, false) : undefined,
  }
  return json(value, options)
}

const same = filter('safe', [], (value) => str(value))
const escaped = filter('escape', [], toEntities)

export const TEXT_FILTERS: Record<string, Filter> = {
  capitalize: ofText('capitalize', text_.capitalize),
  center: filter('center', ['width?'], (value, [width = 80]) =>
    text_.justify(str(value), count(width, 'center'), ' ', 'both'),
  ),
  e: escaped,
  escape: escaped,
  filesizeformat: filter('filesizeformat', ['binary?'], (value, [isBinary]) => fileSize(value, isSet(isBinary))),
  forceescape: escaped,
  format: (value, args, keywords) => {
    if (args.length > 0 && keywords.size > 0) {
      throw new TemplateError("can't handle positional and keyword arguments at the same time")
    }
    return printf(str(value), keywords.size > 0 ? Dict.of(keywords) : new Tuple(args))
  },
  indent: filter('indent', ['width?', 'first?', 'blank?'], (value, [width = 4, first, blank]) =>
    indent(value, width, isSet(first), isSet(blank)),
  ),
  lower: ofText('lower', (value) => built(value).toLowerCase()),
  replace: filter('replace', ['old', 'new', 'count?'], (value, [old = '', replacement = '', most]) =>
    text_.replace(
      str(value),
      str(old),
      str(replacement),
      most === undefined || most === null ? -1 : count(most, 'replace'),
    ),
  ),
  safe: same,
  string: same,
  striptags: filter('striptags', [], stripTags),
  title: ofText('title', titled),
  tojson: filter('tojson', ['ensure_ascii?', 'indent?', 'separators?', 'sort_keys?'], toJson),
  trim: filter('trim', ['chars?'], (value, [chars]) =>
    text_.strip(str(value), chars === undefined || chars === null ? undefined : text(chars, 'trim'), 'both'),
  ),
  truncate: filter('truncate', ['length?', 'killwords?', 'end?', 'leeway?'], truncate),
  upper: ofText('upper', (value) => built(value).toUpperCase()),
  urlencode: filter('urlencode', [], urlEncode),
  wordcount: ofText('wordcount', (value) => {
    walking(value.length)
    return value.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0
  }),
  wordwrap: filter('wordwrap', ['width?', 'break_long_words?', 'wrapstring?', 'break_on_hyphens?'], wordWrap),
  xmlattr: filter('xmlattr', ['autospace?'], (value, [hasSpace = true]) => xmlAttributes(value, truthy(hasSpace))),
}
