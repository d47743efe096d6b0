/** Values as a model wrote them: numbers keep their digits where a JavaScript number would print others. */
import type { JsonObject, JsonValue } from '../types.js'

/** A number in JSON's syntax. Only for numbers that JavaScript prints differently: `1.10`, `1e3`, long integers. */
export class ExactNumber {
  constructor(readonly text: string) {}
}

export type WrittenValue = string | number | boolean | null | ExactNumber | WrittenValue[] | WrittenObject
export interface WrittenObject {
  [key: string]: WrittenValue
}

/** undefined: beyond all bounds, such as 1e999. An integer with all its digits never is. */
export function writtenNumber(text: string): number | ExactNumber | undefined {
  const number = Number(text)
  if (!Number.isFinite(number) && /[eE.]/.test(text)) return undefined
  return String(number) === text ? number : new ExactNumber(text)
}

export function isNumber(value: WrittenValue | undefined): value is number | ExactNumber {
  return typeof value === 'number' || value instanceof ExactNumber
}

/** The digits as they were written. */
export function digitsOf(number: number | ExactNumber): string {
  return typeof number === 'number' ? String(number) : number.text
}

/** Whether both are the same number, to the last digit. */
export function isSameNumber(a: number | ExactNumber, b: number | ExactNumber): boolean {
  const [left, right] = [decimal(digitsOf(a)), decimal(digitsOf(b))]
  return left.digits === right.digits && left.exponent === right.exponent
}

export function isInteger(number: number | ExactNumber): boolean {
  return typeof number === 'number' ? Number.isInteger(number) : decimal(number.text).exponent >= 0
}

/** A tool's input. `json` only where a JavaScript number cannot hold one of its numbers: then it has all digits. */
export function toInput(written: WrittenObject): { input: JsonObject; json?: string } {
  const rounded = { any: false }
  const input = toJson(written, rounded) as JsonObject
  return rounded.any ? { input, json: print(written) } : { input }
}

/** With the nearest numbers that JavaScript has; `rounded`: whether one of them is another. */
function toJson(written: WrittenValue, rounded: { any: boolean }): JsonValue {
  if (written instanceof ExactNumber) {
    const number = Number(written.text)
    if (!isSameNumber(number, written)) rounded.any = true
    return number
  }
  if (Array.isArray(written)) return written.map((item) => toJson(item, rounded))
  if (typeof written !== 'object' || written === null) return written
  return Object.fromEntries(Object.entries(written).map(([key, value]) => [key, toJson(value, rounded)]))
}

function print(written: WrittenValue): string {
  if (written instanceof ExactNumber) return written.text
  if (Array.isArray(written)) return `[${written.map(print).join(',')}]`
  if (typeof written !== 'object' || written === null) return JSON.stringify(written)
  return `{${Object.entries(written)
    .map(([key, value]) => `${JSON.stringify(key)}:${print(value)}`)
    .join(',')}}`
}

/** `digits` times ten to the power of `exponent`, without zeros at either end. */
function decimal(text: string): { digits: string; exponent: number } {
  const [mantissa = '', power = '0'] = text.toLowerCase().split('e')
  const sign = mantissa.startsWith('-') ? '-' : ''
  const [whole = '', fraction = ''] = mantissa.slice(sign.length).split('.')
  const all = whole + fraction
  let start = 0
  while (all[start] === '0') start += 1
  let end = all.length
  while (end > start && all[end - 1] === '0') end -= 1
  if (start === end) return { digits: '0', exponent: 0 }
  return { digits: sign + all.slice(start, end), exponent: Number(power) - fraction.length + all.length - end }
}
