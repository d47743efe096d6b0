/** str.format() and its format specifications. */
import { numberOf } from './compare.js'
import { building, built, TemplateError } from './limits.js'
import { ascii, floatNotation, radixText } from './printf.js'
import { floatText, repr, str } from './python-text.js'
import { characters } from './text.js'
import { type Dict, Float, type Int, type Keywords, lengthOf, typeName, Undefined, type Value } from './values.js'

/** How a field's `.name` and `[key]` are looked up. */
export interface LookUp {
  attribute: (value: Value, name: string) => Value
  item: (value: Value, key: Value) => Value
}

interface Arguments {
  args: Value[]
  keywords: Keywords | Dict
  find: LookUp
  /** How many `{}` were numbered by themselves; -1: fields have numbers. */
  automatic: number
}

export function format(text: string, args: Value[], keywords: Keywords | Dict, find: LookUp): string {
  return built(filled(text, { args, keywords, find, automatic: 0 }, 2))
}

function filled(text: string, given: Arguments, depth: number): string {
  if (depth < 0) throw new TemplateError('Max string recursion exceeded')
  let out = ''
  let at = 0
  while (at < text.length) {
    const brace = text.slice(at).search(/[{}]/)
    if (brace < 0) return out + text.slice(at)
    out += text.slice(at, at + brace)
    at += brace
    const character = text[at] as string
    if (text[at + 1] === character) {
      out += character
      at += 2
      continue
    }
    if (character === '}') throw new TemplateError("Single '}' encountered in format string")
    const end = closing(text, at)
    out += field(text.slice(at + 1, end), given, depth)
    building(out.length / 64)
    at = end + 1
  }
  return out
}

function closing(text: string, open: number): number {
  let depth = 0
  for (let i = open; i < text.length; i++) {
    if (text[i] === '{') depth++
    else if (text[i] === '}' && --depth === 0) return i
  }
  throw new TemplateError("expected '}' before end of string")
}

const FIELD = /^((?:[^!:[\]]|\[[^\]]*\])*)(?:!([^:]*))?(?::([\s\S]*))?$/

function field(text: string, given: Arguments, depth: number): string {
  const [, name = '', conversion, spec = ''] = FIELD.exec(text) ?? []
  if (FIELD.exec(text) === null) throw new TemplateError(`cannot read the field {${text}}`)
  let value = lookUp(name, given)
  if (conversion === 's') value = str(value)
  else if (conversion === 'r') value = repr(value)
  else if (conversion === 'a') value = ascii(repr(value))
  else if (conversion !== undefined) throw new TemplateError(`Unknown conversion specifier '${conversion}'`)
  return formatValue(value, filled(spec, given, depth - 1))
}

function lookUp(name: string, given: Arguments): Value {
  const [, first = '', rest = ''] = /^([^.[]*)([\s\S]*)$/.exec(name) ?? []
  let value = /^\d*$/.test(first) ? given.args[position(first, given)] : given.keywords.get(first)
  if (value === undefined) throw new TemplateError(`the format has no argument for {${name}}`)
  for (const [, dotted, index] of rest.matchAll(/\.([^.[]*)|\[([^\]]*)\]/g)) {
    if (dotted !== undefined) value = given.find.attribute(value, dotted)
    else value = given.find.item(value, /^\d+$/.test(index ?? '') ? Number(index) : (index ?? ''))
  }
  return value
}

function position(first: string, given: Arguments): number {
  if (first === '' ? given.automatic < 0 : given.automatic > 0) {
    throw new TemplateError('cannot switch between automatic field numbering and manual field specification')
  }
  if (first !== '') {
    given.automatic = -1
    return Number(first)
  }
  return given.automatic++
}

const SPEC = /^(?:(.)?([<>=^]))?([-+ ]?)(z?)(#?)(0?)(\d*)([,_]?)(?:\.(\d+))?([a-zA-Z%]?)$/su

interface Spec {
  fill: string | undefined
  align: string | undefined
  sign: string
  alternate: boolean
  zero: boolean
  width: number
  grouping: string
  precision: number | undefined
  type: string
}

function formatValue(value: Value, text: string): string {
  if (text === '') return str(value)
  const found = SPEC.exec(text)
  if (found === null) throw new TemplateError(`Invalid format specifier '${text}'`)
  const [, fill, align, sign = '', , alternate, zero, width = '', grouping = '', precision, type = ''] = found
  const spec: Spec = {
    fill,
    align,
    sign,
    alternate: alternate === '#',
    zero: zero === '0',
    width: Number(width),
    grouping,
    precision: precision === undefined ? undefined : Number(precision),
    type,
  }
  building(spec.width + (spec.precision ?? 0))
  if (typeof value === 'string') return formatText(value, spec)
  const number = numberOf(value)
  if (number === undefined) {
    if (value instanceof Undefined) throw new TemplateError('unsupported format string passed to Undefined.__format__')
    throw new TemplateError(`unsupported format string passed to ${typeName(value)}.__format__`)
  }
  return formatNumber(number, value instanceof Float, spec)
}

function formatText(text: string, spec: Spec): string {
  if (!['', 's'].includes(spec.type) || spec.sign || spec.alternate || spec.grouping || spec.align === '=') {
    throw new TemplateError("a format specifier that is not for 'str'")
  }
  const cut = spec.precision === undefined ? text : characters(text).slice(0, spec.precision).join('')
  return aligned('', cut, { ...spec, align: spec.align ?? '<', fill: spec.fill ?? (spec.zero ? '0' : ' ') })
}

function formatNumber(number: Int, isFloat: boolean, spec: Spec): string {
  const text =
    isFloat || 'eEfFgG%'.includes(spec.type || 'd') ? floatDigits(Number(number), spec) : intDigits(number, spec)
  const [, minus = '', prefix = '', body = ''] = /^(-?)(0[xXob])?([\s\S]*)$/.exec(text) ?? []
  const lead = (minus || (spec.sign === '-' ? '' : spec.sign)) + prefix
  const align = spec.align ?? (spec.zero ? '=' : '>')
  const fill = spec.fill ?? (spec.zero ? '0' : ' ')
  const isZeroFilled = align === '=' && fill === '0' && spec.grouping !== ''
  const grouped = group(body, spec, isZeroFilled ? spec.width - lead.length : 0)
  return aligned(lead, grouped, { ...spec, align, fill })
}

function intDigits(number: Int, { type, precision, alternate }: Spec): string {
  if (precision !== undefined) throw new TemplateError('Precision not allowed in integer format specifier')
  if (type === '' || type === 'd' || type === 'n') return String(number)
  if (type === 'c') return String.fromCodePoint(Number(number))
  if (!'xXob'.includes(type)) throw new TemplateError(`Unknown format code '${type}' for object of type 'int'`)
  return radixText(number, type, alternate)
}

function floatDigits(number: number, { type, precision, alternate }: Spec): string {
  if (type === '%') return `${floatNotation(number * 100, 'f', precision ?? 6, alternate)}%`
  if (type === '' && precision === undefined) return floatText(number)
  if (type === '') return withPoint(number, precision as number)
  if (!'eEfFgGn'.includes(type)) throw new TemplateError(`Unknown format code '${type}' for object of type 'float'`)
  return floatNotation(number, type === 'n' ? 'g' : type, precision ?? 6, alternate)
}

/** Without a type: as g, but a float still looks like one. */
function withPoint(number: number, precision: number): string {
  const text = floatNotation(number, 'g', precision, false)
  const point = Math.floor(Math.log10(Math.abs(number) || 1))
  if (/[e.n]/.test(text)) return text
  return point >= precision - 1 && precision > 0 && point > 0
    ? floatNotation(number, 'e', precision - 1, false).replace(/\.?0*e/, 'e')
    : `${text}.0`
}

function group(body: string, { grouping, type }: Spec, width: number): string {
  if (grouping === '') return body
  const size = 'xXob'.includes(type || 'd') ? 4 : 3
  const [, whole = '', rest = ''] = /^([0-9a-fA-F]*)([\s\S]*)$/.exec(body) ?? []
  const count = (digits: string) => digits.replace(new RegExp(`\\B(?=(?:[0-9a-fA-F]{${size}})+$)`, 'g'), grouping)
  let digits = whole
  while (count(digits).length + rest.length < width) digits = `0${digits}`
  return count(digits) + rest
}

function aligned(lead: string, body: string, { align, fill = ' ', width }: Spec): string {
  const missing = Math.max(0, width - lengthOf(lead + body))
  const left = align === '<' ? 0 : align === '^' ? Math.floor(missing / 2) : missing
  if (align === '=') return lead + fill.repeat(missing) + body
  return fill.repeat(left) + lead + body + fill.repeat(missing - left)
}
