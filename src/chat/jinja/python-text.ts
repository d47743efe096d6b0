/** How Python writes values: str(), repr() and the shortest form of a float. */
import { building, built, isVerbatim, spend, TemplateError } from './limits.js'
import { Dict, each, Float, Tuple, typeName, Undefined, type Value } from './values.js'

/** What Python takes for whitespace, inside a character class. */
export const SPACE = '\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'

export function str(value: Value): string {
  if (typeof value === 'string') return value
  return value instanceof Undefined ? '' : repr(value)
}

/** The longest int that Python writes in decimal digits. */
const MOST_DIGITS = 4300

export function repr(value: Value): string {
  if (typeof value === 'string') return built(quoted(value))
  if (value === null) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (typeof value === 'number') return String(value)
  if (typeof value === 'bigint') return digits(value)
  if (value instanceof Float) return floatText(value.value)
  if (Array.isArray(value)) return `[${joined(value)}]`
  if (value instanceof Tuple) return `(${joined(value.items)}${value.items.length === 1 ? ',' : ''})`
  if (!(value instanceof Dict)) return value.repr(repr)
  const parts: string[] = []
  for (const [key, inner] of value.entries()) parts.push(`${repr(key)}: ${repr(inner)}`)
  spend(parts.length)
  return `{${parts.join(', ')}}`
}

function joined(items: readonly Value[]): string {
  spend(items.length)
  return items.map(repr).join(', ')
}

function digits(value: bigint): string {
  const text = String(value)
  if (text.length > MOST_DIGITS + (value < 0n ? 1 : 0)) throw new TemplateError('an int has too many digits to write')
  return text
}

const UNPRINTABLE = /[\\\n\r\t]|(?! )[\p{C}\p{Z}]/gu

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const escaped = text.replace(UNPRINTABLE, escapeCharacter)
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote
}

const SHORT_ESCAPES: Record<string, string> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escapeCharacter(character: string): string {
  const short = SHORT_ESCAPES[character]
  if (short !== undefined) return short
  if (isVerbatim(character)) return character
  const code = character.codePointAt(0) as number
  const hex = code.toString(16)
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}

export function isPrintable(text: string): boolean {
  return !/(?! )[\p{C}\p{Z}]/u.test(text)
}

/** The shortest digits that give the same float; Python and JavaScript switch to exponents at different sizes. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const [mantissa = '', exponent = '0'] = Math.abs(value).toExponential().split('e')
  const point = Number(exponent)
  const digits = mantissa.replace('.', '')
  if (point < -4 || point >= 16) return `${sign}${mantissa}e${exponentText(point)}`
  if (point < 0) return `${sign}0.${'0'.repeat(-point - 1)}${digits}`
  const whole = digits.slice(0, point + 1).padEnd(point + 1, '0')
  return `${sign}${whole}.${digits.slice(point + 1) || '0'}`
}

export function exponentText(exponent: number): string {
  return `${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
}

/** A float with so many decimals. Of two equally near, Python takes the even one and toFixed the larger. */
export function fixedText(value: number, decimals: number): string {
  const size = Math.abs(value)
  if (!Number.isFinite(value)) return floatText(value)
  if (size >= 1e21) return exact(value, decimals)
  const places = Math.min(decimals, 100)
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  let text = size.toFixed(places)
  const all = size.toFixed(100)
  const tail = all.slice(all.length - 100 + places)
  if (/^50*$/.test(tail)) {
    const cut = places === 0 ? all.slice(0, -101) : all.slice(0, all.length - 100 + places)
    if (/[02468]$/.test(cut)) text = cut
  }
  building(decimals)
  return sign + text + '0'.repeat(decimals - places)
}

function exact(value: number, decimals: number): string {
  building(decimals)
  return `${BigInt(value)}${decimals > 0 ? `.${'0'.repeat(decimals)}` : ''}`
}

const JSON_ESCAPED = /[\x7f-\uffff]/g

export interface JsonOptions {
  asciiOnly: boolean
  /** Each level's indent; undefined: on one line. */
  indent: string | undefined
  separators: [item: string, key: string]
  order: ((keys: Value[]) => Value[]) | undefined
}

/** As json.dumps writes it. */
export function json(value: Value, options: JsonOptions, outer = '\n'): string {
  if (typeof value === 'string') return jsonText(value, options)
  if (value === null) return 'null'
  if (typeof value === 'boolean') return String(value)
  if (typeof value === 'number' || typeof value === 'bigint') return repr(value)
  if (value instanceof Float) return jsonFloat(value.value)
  const { indent, separators } = options
  const line = indent === undefined ? '' : outer + indent
  spend(3)
  const wrap = (open: string, parts: string[], close: string) => {
    if (parts.length === 0) return open + close
    building(parts.length * (line.length + separators[0].length))
    return `${open}${line}${parts.join(separators[0] + line)}${indent === undefined ? '' : outer}${close}`
  }
  if (Array.isArray(value) || value instanceof Tuple) {
    return wrap(
      '[',
      Array.from(each(value), (item) => json(item, options, line)),
      ']',
    )
  }
  if (!(value instanceof Dict)) throw new TemplateError(`Object of type ${typeName(value)} is not JSON serializable`)
  const keys = options.order?.([...value.keys()]) ?? value.keys()
  const parts = Array.from(keys, (key) => {
    spend(1)
    return jsonKey(key, options) + separators[1] + json(value.get(key) as Value, options, line)
  })
  return wrap('{', parts, '}')
}

function jsonKey(key: Value, options: JsonOptions): string {
  if (typeof key === 'string') return jsonText(key, options)
  if (key instanceof Tuple || (typeof key === 'object' && key !== null && !(key instanceof Float))) {
    throw new TemplateError(`keys must be str, int, float, bool or None, not ${typeName(key)}`)
  }
  return `"${json(key, options)}"`
}

function jsonText(text: string, { asciiOnly }: JsonOptions): string {
  const quoted = built(JSON.stringify(text))
  if (!asciiOnly) return quoted
  return quoted.replace(JSON_ESCAPED, (unit) =>
    unit === '\x7f' || isVerbatim(unit) ? unit : `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

function jsonFloat(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  return Number.isFinite(value) ? floatText(value) : value > 0 ? 'Infinity' : '-Infinity'
}
