/** Corrects values of the wrong type that have only one reading which their JSON schema allows. */
import type { JsonObject, JsonValue } from '../types.js'
import { MAX_DEPTH } from './depth.js'
import { digitsOf, isNumber, type WrittenObject, type WrittenValue, writtenNumber } from './exact-number.js'
import { isObject, setKey } from './json-value.js'
import { parseLiteral } from './literal.js'
import type { Branch } from './resolve-schema.js'
import { isOfKind, SchemaCheck, TOO_MUCH_WORK } from './schema.js'

/**
 * A number, a boolean, null, a list or an object in quotes becomes what stands in them, and a bare number or boolean a
 * string, where the schema allows that and not what was written. A value that it allows stays as it is, and so does one
 * with several readings.
 */
export function coerce(value: WrittenValue, schema: JsonObject): WrittenValue {
  try {
    return coerceTo(new SchemaCheck(schema), value, schema, 0)
  } catch (error) {
    if (error === TOO_MUCH_WORK) return value
    throw error
  }
}

function coerceTo(check: SchemaCheck, value: WrittenValue, schema: JsonValue | undefined, depth: number): WrittenValue {
  check.step()
  const branches = check.branches(schema)
  const fits = (one: WrittenValue, branch: Branch) => check.branchMisfit(one, branch, '', depth) === undefined
  if (depth > MAX_DEPTH || branches.some((branch) => fits(value, branch))) return value
  const tried = [value, ...otherReadings(value)].flatMap((reading) =>
    branches
      .filter((branch) => isOfKind(reading, branch))
      .map((branch) => ({ branch, reading, result: coerceWithin(check, reading, branch, depth) })),
  )
  const fitting = tried.filter(({ result, branch }) => fits(result, branch)).map(({ result }) => result)
  if (fitting.length > 0) return onlyOne(fitting, value)
  // None fits in everything that the schema asks for, so only types count, and what was written goes first.
  const asWritten = tried.filter(({ reading }) => reading === value)
  const results = (asWritten.length > 0 ? asWritten : tried).map(({ result }) => result)
  return onlyOne(results, value)
}

/** Other values that the same characters may mean. */
function otherReadings(value: WrittenValue): WrittenValue[] {
  if (typeof value === 'boolean') return [String(value)]
  if (isNumber(value)) return [digitsOf(value)]
  if (typeof value !== 'string') return []
  const text = value.trim()
  if (/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text)) return readings(writtenNumber(text))
  if (/^(?:true|false)$/i.test(text)) return [text.toLowerCase() === 'true']
  if (/^(?:null|None)$/.test(text)) return [null]
  return /^[[{]/.test(text) ? readings(parseLiteral(text)) : []
}

function readings(value: WrittenValue | undefined): WrittenValue[] {
  return value === undefined ? [] : [value]
}

/** A list or an object with its values coerced; anything else as it is. */
function coerceWithin(check: SchemaCheck, value: WrittenValue, branch: Branch, depth: number): WrittenValue {
  if (Array.isArray(value)) return value.map((item, i) => coerceTo(check, item, check.item([branch], i), depth + 1))
  if (!isObject(value)) return value
  const result: WrittenObject = {}
  for (const [key, inner] of Object.entries(value)) {
    setKey(result, key, coerceTo(check, inner, check.property([branch], key), depth + 1))
  }
  return result
}

/** `otherwise` if there are none, or several that differ. */
function onlyOne(values: WrittenValue[], otherwise: WrittenValue): WrittenValue {
  const [one, ...others] = values
  if (one === undefined) return otherwise
  const text = others.length > 0 ? JSON.stringify(one) : ''
  return others.every((other) => JSON.stringify(other) === text) ? one : otherwise
}
