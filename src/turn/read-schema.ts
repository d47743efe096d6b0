/** A JSON schema as a request brings it. Templates write its words into prompts, so they must be words. */
import type { JsonObject } from '../chat/types.js'
import { type Fields, fail, isFields } from './request-fields.js'

/** Keywords whose value holds schemas by names that the client chose. */
const MAPS = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas'])
/** Keywords whose value is data. */
const DATA = new Set(['default', 'const', 'enum', 'example', 'examples'])
const WORDS = ['description', 'title', 'format', 'pattern', '$ref']

/** Characters, as JSON: the prompt has all of it, whereas a tool's is shown shortened. */
const LONGEST_OF_ANSWER = 2 ** 18

/** The schema of an answer. */
export function readAnswerSchema(value: unknown, at: string): JsonObject {
  const schema = readSchema(value, at)
  const { length } = JSON.stringify(schema)
  if (length > LONGEST_OF_ANSWER)
    fail(at, `the schema of an answer may have at most ${LONGEST_OF_ANSWER} characters as JSON, not ${length}`)
  return schema
}

/** Iterative, and in time that grows with the schema alone. */
export function readSchema(value: unknown, at: string): JsonObject {
  if (!isFields(value)) fail(at, value === undefined ? 'Field required' : 'Input should be an object')
  const todo: Place[] = [{ value, at, isMap: false }]
  for (let place = todo.pop(); place; place = todo.pop()) {
    const { value, at, isMap } = place
    if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) if (isInner(item)) todo.push({ value: item, at: `${at}.${i}`, isMap })
      continue
    }
    if (!isMap) checkWords(value, at)
    for (const [key, inner] of Object.entries(value)) {
      if (!isInner(inner) || (!isMap && DATA.has(key))) continue
      todo.push({ value: inner, at: `${at}.${key}`, isMap: !isMap && MAPS.has(key) })
    }
  }
  return value as JsonObject
}

interface Place {
  value: Fields | unknown[]
  at: string
  /** The keys are names, not keywords. */
  isMap: boolean
}

function isInner(value: unknown): value is Fields | unknown[] {
  return typeof value === 'object' && value !== null
}

function checkWords(schema: Fields, at: string): void {
  for (const key of WORDS) if (isInner(schema[key])) fail(`${at}.${key}`, 'Input should be a string')
  const { type, required } = schema
  if (isFields(type)) fail(`${at}.type`, 'Input should be a string or a list of strings')
  if (Array.isArray(type)) checkList(type, `${at}.type`)
  if (Array.isArray(required)) checkList(required, `${at}.required`)
}

function checkList(list: unknown[], at: string): void {
  const wrong = list.findIndex((item) => typeof item !== 'string')
  if (wrong >= 0) fail(`${at}.${wrong}`, 'Input should be a string')
}
