/** Checks a value against a JSON schema. */
import { briefly } from '../../one-line.js'
import { jsonText } from '../json-text.js'
import type { JsonValue } from '../types.js'
import { MAX_DEPTH } from './depth.js'
import { digitsOf, isInteger, isNumber, isSameNumber, type WrittenObject, type WrittenValue } from './exact-number.js'
import { isObject } from './json-value.js'
import { type Branch, SchemaReader } from './resolve-schema.js'

// What one value may cost; a schema can be written so that each level of a value doubles the work.
const MAX_STEPS = 1_000_000
// Of values that are written to be compared, as a power of 2.
const CHARACTERS_A_STEP = 4

/** Thrown where a check would take too long; the value then counts as fitting. */
export const TOO_MUCH_WORK = Symbol('too much work')

/**
 * The first reason why a value does not fit, such as `edits.0.old_string: Field required`; undefined if it fits.
 * Keywords that it does not know are ignored, so there are no false reports.
 */
export function misfit(value: JsonValue, schema: JsonValue | undefined): string | undefined {
  if (!isObject(schema)) return undefined
  try {
    return new SchemaCheck(schema).misfit(value, schema, 'input', 0)
  } catch (error) {
    if (error === TOO_MUCH_WORK) return undefined
    throw error
  }
}

/** Checks values against the schemas within `root`. Its methods throw TOO_MUCH_WORK. */
export class SchemaCheck extends SchemaReader {
  private steps = 0

  step(steps = 1): void {
    this.steps += steps
    if (this.steps > MAX_STEPS) throw TOO_MUCH_WORK
  }

  /** `at`: where the value stands, for the reason. */
  misfit(value: WrittenValue, schema: JsonValue | undefined, at: string, depth: number): string | undefined {
    if (depth > MAX_DEPTH) return undefined
    const branches = this.branches(schema)
    const [only] = branches
    if (only && branches.length === 1) return this.branchMisfit(value, only, at, depth)
    const fits = branches.some((branch) => this.branchMisfit(value, branch, at, depth) === undefined)
    return fits ? undefined : `${at}: fits no choice`
  }

  branchMisfit(value: WrittenValue, branch: Branch, at: string, depth: number): string | undefined {
    this.step()
    const types = typesOf(branch)
    if (types.length > 0 && !types.some((type) => isOfType(value, type)))
      return `${at}: should be ${types.join(' or ')}`
    if (Array.isArray(branch.enum) && !this.isOneOf(branch.enum, value)) return `${at}: not one of its enum`
    if (branch.const !== undefined && !this.isOneOf([branch.const], value))
      return `${at}: not ${briefly(JSON.stringify(branch.const))}`
    const limit = limitMisfit(value, branch)
    if (limit !== undefined) return `${at}: ${limit}`
    if (Array.isArray(value)) {
      return first(value.entries(), ([i, item]) => this.misfit(item, this.item([branch], i), `${at}.${i}`, depth + 1))
    }
    return isObject(value) ? this.objectMisfit(value, branch, at, depth) : undefined
  }

  private isOneOf(values: JsonValue[], value: WrittenValue): boolean {
    if (isNumber(value)) return values.some((one) => isNumber(one) && isSameNumber(one, value))
    if (typeof value !== 'object' || value === null) return values.includes(value)
    const written = JSON.stringify(value)
    return values.some((one) => {
      if (typeof one !== 'object' || one === null) return false
      const text = JSON.stringify(one)
      this.step(1 + (text.length >> CHARACTERS_A_STEP))
      return text === written
    })
  }

  private objectMisfit(value: WrittenObject, branch: Branch, at: string, depth: number): string | undefined {
    const { required, additionalProperties, patternProperties } = branch
    const properties = isObject(branch.properties) ? branch.properties : {}
    const missing = Array.isArray(required) ? required.find((key) => !Object.hasOwn(value, jsonText(key))) : undefined
    if (missing !== undefined) return `${at}.${jsonText(missing)}: Field required`
    const closed = additionalProperties === false && !isObject(patternProperties)
    return first(Object.entries(value), ([key, inner]) => {
      if (closed && !Object.hasOwn(properties, key)) return `${at}.${key}: not a field of it`
      return this.misfit(inner, this.property([branch], key), `${at}.${key}`, depth + 1)
    })
  }
}

function first<T>(items: Iterable<T>, reason: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = reason(item)
    if (found !== undefined) return found
  }
  return undefined
}

/** Whether the value's type is one that the branch allows, whatever else it asks for. */
export function isOfKind(value: WrittenValue, branch: Branch): boolean {
  const types = kindsOf(branch)
  return types.length === 0 || types.some((type) => isOfType(value, type))
}

/** The types that a branch allows, by its type or its values; [] if any. */
function kindsOf(branch: Branch): string[] {
  const types = typesOf(branch)
  if (types.length > 0) return types
  const values = Array.isArray(branch.enum) ? branch.enum : branch.const === undefined ? [] : [branch.const]
  if (values.length > 0) return [...new Set(values.map(typeOf))]
  // A schema that describes properties means an object, though it does not say so.
  if (isObject(branch.properties)) return ['object']
  return isObject(branch.items) || Array.isArray(branch.prefixItems) ? ['array'] : []
}

function typesOf({ type }: Branch): string[] {
  const types = Array.isArray(type) ? type : [type]
  return types.flatMap((one) => (typeof one === 'string' ? [one.toLowerCase()] : []))
}

function typeOf(value: JsonValue): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'array' : typeof value
}

function isOfType(value: WrittenValue, type: string): boolean {
  switch (type) {
    case 'object':
      return isObject(value)
    case 'array':
      return Array.isArray(value)
    case 'null':
      return value === null
    case 'integer':
      return isNumber(value) && isInteger(value)
    case 'number':
      return isNumber(value)
    case 'string':
    case 'boolean':
      return typeof value === type
    default:
      return true
  }
}

/** Lengths and bounds. Patterns are not tried: a client's regular expression may take forever. */
function limitMisfit(value: WrittenValue, branch: Branch): string | undefined {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = branch
  if (isNumber(value)) {
    const number = Number(digitsOf(value))
    if (typeof minimum === 'number' && number < minimum) return `below ${minimum}`
    if (typeof maximum === 'number' && number > maximum) return `above ${maximum}`
    if (typeof exclusiveMinimum === 'number' && number <= exclusiveMinimum) return `not above ${exclusiveMinimum}`
    if (typeof exclusiveMaximum === 'number' && number >= exclusiveMaximum) return `not below ${exclusiveMaximum}`
  }
  const [least, most] = Array.isArray(value)
    ? [branch.minItems, branch.maxItems]
    : typeof value === 'string'
      ? [branch.minLength, branch.maxLength]
      : []
  if (typeof value !== 'string' && !Array.isArray(value)) return undefined
  if (typeof least === 'number' && value.length < least) return `shorter than ${least}`
  // A string's length is counted in characters: code units may be twice as many.
  const length =
    typeof value === 'string' && typeof most === 'number' && value.length > most ? [...value].length : value.length
  return typeof most === 'number' && length > most ? `longer than ${most}` : undefined
}
