/** The operator % of strings, and what it shares with format(): numbers in all their notations. */
import { numberOf } from './compare.js'
import { building, built, TemplateError } from './limits.js'
import { exponentText, fixedText, floatText, repr, str } from './python-text.js'
import { Range } from './sequences.js'
import { characters } from './text.js'
import { Dict, Float, type Int, lengthOf, Tuple, typeName, Undefined, type Value } from './values.js'

/** `%[(key)][flags][width][.precision][length]type` */
const SPEC = /%(?:\(([^()]*(?:\([^()]*\)[^()]*)*)\))?([-+ #0]*)(\*|\d+)?(?:\.(\*|\d*))?[hlL]?([\s\S]?)/g

interface Spec {
  flags: string
  width: number
  precision: number | undefined
  type: string
}

export function printf(format: string, values: Value): string {
  const list = values instanceof Tuple ? values.items : [values]
  let used = 0
  let isMapping = false
  const next = (): Value => {
    const value = list[used++]
    if (value === undefined) throw new TemplateError('not enough arguments for format string')
    return value
  }
  const number = (text: string | undefined): number | undefined => {
    if (text === undefined) return undefined
    if (text !== '*') return sized(Number(text))
    const value = next()
    if (typeof value !== 'number') throw new TemplateError('* wants int')
    return sized(value)
  }
  const text = format.replace(SPEC, (_, key: string | undefined, given: string, width, precision, type: string) => {
    if (type === '%' && key === undefined) return '%'
    if (key !== undefined) {
      if (!(values instanceof Dict)) throw new TemplateError('format requires a mapping')
      isMapping = true
    }
    const wanted = number(width) ?? 0
    const flags = wanted < 0 ? `${given}-` : given
    const spec = { flags, width: Math.abs(wanted), precision: number(precision), type }
    if (type === '%') return '%'
    const value = key === undefined ? next() : (values as Dict).get(key)
    if (value === undefined) throw new TemplateError(`no key ${repr(key as string)} for the format`)
    return built(converted(value, spec))
  })
  // Python counts what is left over only for a value that it cannot index.
  const isIndexed =
    Array.isArray(values) || values instanceof Dict || values instanceof Range || values instanceof Undefined
  if (used < list.length && !isMapping && !isIndexed) {
    throw new TemplateError('not all arguments converted during string formatting')
  }
  return text
}

function sized(number: number): number {
  building(Math.abs(number))
  return number
}

function converted(value: Value, spec: Spec): string {
  const { type, flags, width, precision } = spec
  if ('sra'.includes(type) && type !== '') {
    const text = type === 's' ? str(value) : type === 'r' ? repr(value) : ascii(repr(value))
    return pad(precision === undefined ? text : characters(text).slice(0, precision).join(''), spec)
  }
  if (type === 'c') return pad(character(value), spec)
  let body: string
  if ('diu'.includes(type) && type !== '') body = String(integer(value, type, true))
  else if ('xXo'.includes(type) && type !== '') body = radixText(integer(value, type, false), type, flags.includes('#'))
  else if ('eEfFgG'.includes(type) && type !== '')
    body = floatNotation(real(value), type, precision ?? 6, flags.includes('#'))
  else throw new TemplateError(type === '' ? 'incomplete format' : `unsupported format character '${type}'`)
  const isInt = !'eEfFgG'.includes(type)
  const [sign, prefix, digits] = parts(body)
  const padded = isInt ? digits.padStart(precision ?? 0, '0') : digits
  const lead = sign || (flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '')
  const zeros = flags.includes('0') && !flags.includes('-') ? width - lead.length - prefix.length : 0
  return pad(lead + prefix + padded.padStart(zeros, '0'), spec)
}

function parts(text: string): [sign: string, prefix: string, digits: string] {
  const [, sign = '', prefix = '', digits = ''] = /^(-?)(0[xXob])?([\s\S]*)$/.exec(text) ?? []
  return [sign, prefix, digits]
}

function pad(text: string, { flags, width }: Spec): string {
  const missing = Math.max(0, width - lengthOf(text))
  return flags.includes('-') ? text + ' '.repeat(missing) : ' '.repeat(missing) + text
}

export function ascii(text: string): string {
  return text.replace(/[^\0-\x7f]/gu, (one) => {
    const code = one.codePointAt(0) as number
    const hex = code.toString(16)
    if (code < 0x100) return `\\x${hex}`
    return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
  })
}

function character(value: Value): string {
  if (typeof value === 'string' && lengthOf(value) === 1) return value
  if (typeof value === 'number' && value >= 0 && value < 0x110000) return String.fromCodePoint(value)
  throw new TemplateError('%c requires int or char')
}

function integer(value: Value, type: string, takesFloats: boolean): bigint {
  const number = numberOf(value)
  if (number !== undefined && (takesFloats || !(value instanceof Float)) && Number.isFinite(Number(number))) {
    return typeof number === 'bigint' ? number : BigInt(Math.trunc(number))
  }
  if (value instanceof Undefined) value.fail()
  throw new TemplateError(`%${type} format: a number is required, not ${typeName(value)}`)
}

function real(value: Value): number {
  const number = numberOf(value)
  if (number !== undefined) return Number(number)
  if (value instanceof Undefined) value.fail()
  throw new TemplateError(`must be real number, not ${typeName(value)}`)
}

export function radixText(value: Int, type: string, hasPrefix: boolean): string {
  const big = BigInt(value)
  const size = (big < 0n ? -big : big).toString({ x: 16, X: 16, o: 8, b: 2 }[type])
  const prefix = hasPrefix ? `0${type}` : ''
  return (big < 0n ? '-' : '') + prefix + (type === 'X' ? size.toUpperCase() : size)
}

/** A float in the notations e, f and g. */
export function floatNotation(value: number, type: string, precision: number, keepsZeros: boolean): string {
  const isUpper = type === type.toUpperCase()
  if (!Number.isFinite(value)) return isUpper ? floatText(value).toUpperCase() : floatText(value)
  const places = Math.min(precision, 100)
  const kind = type.toLowerCase()
  const text =
    kind === 'f'
      ? fixedText(value, precision)
      : kind === 'e'
        ? exponential(value, places)
        : general(value, places, keepsZeros)
  const pointed = keepsZeros && !text.includes('.') ? text.replace(/(?=e|$)/, '.') : text
  return isUpper ? pointed.toUpperCase() : pointed
}

function exponential(value: number, places: number): string {
  const [mantissa = '', exponent = '0'] = value.toExponential(places).split('e')
  return `${Object.is(value, -0) ? '-' : ''}${mantissa}e${exponentText(Number(exponent))}`
}

function general(value: number, precision: number, keepsZeros: boolean): string {
  const digits = Math.max(1, precision)
  const point = value === 0 ? 0 : Number(value.toExponential(digits - 1).split('e')[1])
  const isExponential = point < -4 || point >= digits
  const text = isExponential ? exponential(value, digits - 1) : fixedText(value, digits - 1 - point)
  if (keepsZeros || !text.includes('.')) return text
  return text.replace(/\.?0+(?=e|$)/, '')
}
