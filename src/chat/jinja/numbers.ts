/** Arithmetic as Python does it: ints are exact, and a quotient is rounded towards minus infinity. */
import { numberOf } from './compare.js'
import { building, built, searching, spend, TemplateError } from './limits.js'
import { printf } from './printf.js'
import { fixedText } from './python-text.js'
import { Float, type Int, Tuple, typeName, Undefined, type Value } from './values.js'

export type Operator = '+' | '-' | '*' | '/' | '//' | '%' | '**'

/** No template needs larger ints, and computing with them takes time. */
const LARGEST = 1n << 65536n

/** A bigint only where a number would not be exact. */
export function int(value: Int): Int {
  if (typeof value === 'number') return value
  if (value > LARGEST || value < -LARGEST) throw new TemplateError('an int is too large')
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
}

export function binary(operator: Operator, a: Value, b: Value): Value {
  if (typeof a === 'number' && typeof b === 'number') {
    const result = smallInts(operator, a, b)
    if (Number.isSafeInteger(result)) return result
  }
  if (operator === '%' && typeof a === 'string') return printf(a, b)
  if (a instanceof Undefined) return a.fail()
  if (b instanceof Undefined) return b.fail()
  const [x, y] = [numberOf(a), numberOf(b)]
  if (x !== undefined && y !== undefined) {
    if (a instanceof Float || b instanceof Float || operator === '/') return floats(operator, Number(x), Number(y))
    return ints(operator, BigInt(x), BigInt(y))
  }
  const result = operator === '+' ? concatenate(a, b) : operator === '*' ? (repeat(a, b) ?? repeat(b, a)) : undefined
  if (result !== undefined) return result
  const names = `'${typeName(a)}' and '${typeName(b)}'`
  throw new TemplateError(`unsupported operand type(s) for ${operator}: ${names}`)
}

/** NaN: it takes bigints. */
function smallInts(operator: Operator, a: number, b: number): number {
  if (operator === '+') return a + b
  if (operator === '-') return a - b
  // Zero is added because an int has no negative zero.
  if (operator === '*') return a * b + 0
  if (operator !== '%' || b === 0) return Number.NaN
  const rest = a % b
  return (rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest) + 0
}

function concatenate(a: Value, b: Value): Value | undefined {
  if (typeof a === 'string' && typeof b === 'string') return joinTwo(a, b)
  if (Array.isArray(a) && Array.isArray(b)) {
    spend((a.length + b.length) / 4)
    return [...a, ...b]
  }
  if (!(a instanceof Tuple && b instanceof Tuple)) return undefined
  spend((a.items.length + b.items.length) / 4)
  return new Tuple([...a.items, ...b.items])
}

/** JavaScript shares the longer part of a text that grows, so only the shorter one is counted. */
export function joinTwo(a: string, b: string): string {
  building(Math.min(a.length, b.length))
  return a + b
}

function repeat(value: Value, times: Value): Value | undefined {
  const count = value instanceof Float || times instanceof Float ? undefined : numberOf(times)
  if (count === undefined) return undefined
  const n = count > 0 ? Number(count) : 0
  if (typeof value === 'string') {
    building(value.length * n)
    return value.repeat(value === '' ? 0 : n)
  }
  if (!Array.isArray(value) && !(value instanceof Tuple)) return undefined
  const items = Array.isArray(value) ? value : value.items
  spend(items.length * n)
  const all = items.length === 0 ? [] : Array.from({ length: n }, () => items).flat()
  return Array.isArray(value) ? all : new Tuple(all)
}

function ints(operator: Operator, a: bigint, b: bigint): Value {
  if (operator === '+') return int(a + b)
  if (operator === '-') return int(a - b)
  if (operator === '*') return int(a * b)
  if (operator === '**') return power(a, b)
  if (b === 0n) throw new TemplateError('integer division or modulo by zero')
  const rest = a % b
  const isOff = rest !== 0n && rest < 0n !== b < 0n
  if (operator === '%') return int(isOff ? rest + b : rest)
  return int(a / b - (isOff ? 1n : 0n))
}

function power(a: bigint, b: bigint): Value {
  if (b < 0n) return floats('**', Number(a), Number(b))
  if (a !== 0n && a !== 1n && a !== -1n) {
    searching(Number(b))
    if (BigInt(a.toString(2).length) * b > 140_000n) throw new TemplateError('an int is too large')
  }
  return int(a === -1n ? (b % 2n === 0n ? 1n : -1n) : a ** (a === 0n || a === 1n ? (b > 0n ? 1n : 0n) : b))
}

function floats(operator: Operator, a: number, b: number): Float {
  return new Float(floatResult(operator, a, b))
}

function floatResult(operator: Operator, a: number, b: number): number {
  if (operator === '+') return a + b
  if (operator === '-') return a - b
  if (operator === '*') return a * b
  if (operator === '**') {
    if (a === 0 && b < 0) throw new TemplateError('0.0 cannot be raised to a negative power')
    if (a < 0 && !Number.isInteger(b)) throw new TemplateError('complex numbers are not supported')
    const result = a ** b
    if (Number.isFinite(a) && Number.isFinite(b) && !Number.isFinite(result))
      throw new TemplateError('a float is too large')
    return a === 1 || b === 0 ? 1 : result
  }
  if (b === 0) throw new TemplateError('division by zero')
  if (operator === '/') return a / b
  let rest = a % b
  if (rest !== 0 && rest < 0 !== b < 0) rest += b
  if (rest === 0) rest = b < 0 ? -0 : 0
  if (operator === '%') return rest
  const quotient = (a - rest) / b
  const floor = Math.floor(quotient)
  return quotient - floor > 0.5 ? floor + 1 : floor === 0 && a / b < 0 ? -0 : floor
}

export function negative(value: Value): Value {
  if (value instanceof Float) return new Float(-value.value)
  return int(-BigInt(operand(value, 'unary -')))
}

export function positive(value: Value): Value {
  return value instanceof Float ? value : operand(value, 'unary +')
}

function operand(value: Value, operator: string): Int {
  if (value instanceof Undefined) value.fail()
  const number = numberOf(value)
  if (number === undefined) throw new TemplateError(`bad operand type for ${operator}: '${typeName(value)}'`)
  return number
}

/** round(): to the even one of two equally near. */
export function rounded(value: Value, digits: number): Value {
  const number = numberOf(value)
  if (number === undefined) throw new TemplateError(`type ${typeName(value)} doesn't define __round__ method`)
  if (!(value instanceof Float)) return digits >= 0 ? number : roundedInt(BigInt(number), -digits)
  const float = Number(number)
  if (digits >= 0) return new Float(digits > 400 ? float : Number(fixedText(float, digits)))
  if (digits < -308 || !Number.isFinite(float)) return new Float(Number.isFinite(float) ? float * 0 : float)
  const whole = roundedInt(BigInt(Math.trunc(float)), -digits)
  return new Float(Number(whole))
}

function roundedInt(value: bigint, zeros: number): Int {
  if (zeros > 10_000) return 0
  const unit = 10n ** BigInt(zeros)
  const size = value < 0n ? -value : value
  const rest = size % unit
  let quotient = size / unit
  if (rest * 2n > unit || (rest * 2n === unit && quotient % 2n === 1n)) quotient += 1n
  return int((value < 0n ? -1n : 1n) * quotient * unit)
}

/** int(): undefined where Python raises ValueError or TypeError. */
export function toInt(value: Value, base = 10): Int | undefined {
  if (value instanceof Undefined) value.fail()
  if (value instanceof Float) {
    if (!Number.isFinite(value.value)) return undefined
    return int(BigInt(Math.trunc(value.value)))
  }
  if (typeof value !== 'string') return numberOf(value)
  const [, sign, prefix = '', body = ''] = /^([+-]?)(0[xXoObB]_?)?([\p{L}\p{Nd}_]+)$/u.exec(trimmed(value)) ?? []
  const prefixBase = { x: 16, o: 8, b: 2 }[prefix[1]?.toLowerCase() ?? '']
  // A prefix of another base consists of digits: int('0b1', 16) is 0xb1.
  const usesPrefix = prefixBase !== undefined && (base === prefixBase || base === 0)
  const digits = usesPrefix ? body : prefix + body
  const radix = base === 0 ? (prefixBase ?? 10) : base
  if (radix < 2 || radix > 36 || !/^[^_]+(?:_[^_]+)*$/.test(digits)) return undefined
  return parseDigits(digits.replaceAll('_', ''), radix, sign === '-')
}

function parseDigits(digits: string, radix: number, isNegative: boolean): Int | undefined {
  if (digits.length > 4300) return undefined
  let value = 0n
  for (const character of digits) {
    const digit = Number.parseInt(character, 36)
    if (!(digit < radix)) return undefined
    value = value * BigInt(radix) + BigInt(digit)
  }
  return int(isNegative ? -value : value)
}

/** float(): undefined where Python raises ValueError or TypeError. */
export function toFloat(value: Value): number | undefined {
  if (value instanceof Undefined) value.fail()
  if (typeof value !== 'string') {
    const number = numberOf(value)
    return number === undefined ? undefined : Number(number)
  }
  const text = trimmed(value)
  const special = /^([+-]?)(?:(inf|infinity)|nan)$/i.exec(text)
  if (special) return special[2] === undefined ? Number.NaN : special[1] === '-' ? -Infinity : Infinity
  const isFloat = /^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+(?:_\d+)*)?$/i.test(text)
  return isFloat ? Number(text.replaceAll('_', '')) : undefined
}

function trimmed(text: string): string {
  return built(text).trim()
}
