/** Whether two schemas, as grammars say them, surely allow no value both. */
import { isObject } from '../formats/json-value.js'
import type { JsonObject, JsonValue } from '../types.js'
import { areDistinct } from './same-value.js'

// Of properties within properties.
const DEEPEST = 4

export interface Places {
  /** What a reference stands for. */
  resolve(ref: string): JsonValue | undefined
  /** How many may still be compared. */
  steps: number
}

export function areApart(a: JsonValue | undefined, b: JsonValue | undefined, places: Places, depth = 0): boolean {
  if (a === false || b === false) return true
  places.steps -= 1
  if (places.steps < 0 || depth > DEEPEST || !isObject(a) || !isObject(b)) return false
  const again = (one: JsonValue | undefined, other: JsonValue | undefined) => areApart(one, other, places, depth + 1)
  if (typeof a.$ref === 'string') return again(places.resolve(a.$ref), b)
  if (typeof b.$ref === 'string') return again(a, places.resolve(b.$ref))
  if (Array.isArray(a.anyOf)) return a.anyOf.every((one) => again(one, b))
  if (Array.isArray(b.anyOf)) return b.anyOf.every((one) => again(a, one))
  if (Array.isArray(a.enum)) return valuesApart(a.enum, b, places)
  if (Array.isArray(b.enum)) return valuesApart(b.enum, a, places)
  const [left, right] = [kind(a.type), kind(b.type)]
  if (left === undefined || right === undefined) return false
  if (left !== right) return true
  if (left === 'number') return isBelow(a, b) || isBelow(b, a)
  return left === 'object' && objectsApart(a, b, again)
}

function objectsApart(a: JsonObject, b: JsonObject, again: (a?: JsonValue, b?: JsonValue) => boolean): boolean {
  const [left, right] = [propertiesOf(a), propertiesOf(b)]
  const differs = needs(a).some((key) => needs(b).includes(key) && again(left[key], right[key]))
  return differs || lacks(a, b) || lacks(b, a)
}

function needs({ required }: JsonObject): string[] {
  return Array.isArray(required) ? (required as string[]) : []
}

function propertiesOf({ properties }: JsonObject): JsonObject {
  return isObject(properties) ? properties : {}
}

/** Whether one needs a property that the other one never has. */
function lacks(a: JsonObject, b: JsonObject): boolean {
  const isClosed = b.additionalProperties === false && b.patternProperties === undefined
  return isClosed && needs(a).some((key) => !Object.hasOwn(propertiesOf(b), key))
}

function kind(type: JsonValue | undefined): string | undefined {
  if (typeof type !== 'string') return undefined
  return type === 'integer' ? 'number' : type
}

function isBelow(a: JsonObject, b: JsonObject): boolean {
  const most = Math.min(...[a.maximum, a.exclusiveMaximum].filter((one) => typeof one === 'number'))
  const least = Math.max(...[b.minimum, b.exclusiveMinimum].filter((one) => typeof one === 'number'))
  return most < least || (most === least && (a.exclusiveMaximum === most || b.exclusiveMinimum === least))
}

function valuesApart(values: JsonValue[], schema: JsonObject, places: Places): boolean {
  places.steps -= values.length >> 4
  if (Array.isArray(schema.enum)) return areDistinct(values, schema.enum)
  return values.every((value) => !mayBe(value, schema))
}

function mayBe(value: JsonValue, schema: JsonObject): boolean {
  const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value
  const allowed = kind(schema.type)
  return allowed === undefined || allowed === type
}
