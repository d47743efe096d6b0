/** Reads the JSON of a request and its single fields. What is wrong is an `invalid_request` that names the field. */

import type { JsonObject } from '../chat/types.js'
import { TetherError } from '../errors.js'
import { isDeeperThan } from '../python-json.js'
import { bodyText } from './body-text.js'

export type Fields = { [key: string]: unknown }

/** No real request comes near this. Without a bound, recursive code behind the parser would overflow its stack. */
const MAX_DEPTH = 1000

/** How a body is read. */
export interface ReadOptions {
  /** Levels that it may be nested. Default and most: 1000. */
  maxDepth?: number
}

/** The JSON in the bytes of a body. Throws `invalid_request`. */
export function parseJson(body: Uint8Array): unknown {
  const text = bodyText(body)
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new TetherError('invalid_request', `the body is not valid JSON: ${(error as Error).message}`)
  }
}

/** The fields of a request, which must be an object and not be nested too deeply. */
export function requestFields(body: unknown, { maxDepth = MAX_DEPTH }: ReadOptions = {}): Fields {
  if (!isFields(body)) fail('body', 'Input should be an object')
  if (isDeeperThan(body, maxDepth)) fail('body', `Input is nested deeper than ${maxDepth} levels`)
  return body
}

/** The request in a body, as it is, for logs. Throws `invalid_request` for what is no JSON object or nested too deeply. */
export function requestIn(body: Uint8Array, options?: ReadOptions): Fields {
  return requestFields(parseJson(body), options)
}

/** A required string, not empty. */
export function readText(value: unknown, at: string): string {
  if (value === undefined || value === null) fail(at, 'Field required')
  if (typeof value !== 'string') fail(at, 'Input should be a string')
  if (value === '') fail(at, 'String should have at least 1 character')
  return value
}

const LONGEST_NAME = 500

/** The name of the model, which answers repeat: in some protocols every part of a stream does. */
export function readModel(value: unknown): string {
  const name = readText(value, 'model')
  if (name.length > LONGEST_NAME) fail('model', `String should have at most ${LONGEST_NAME} characters`)
  return name
}

export function readTyped(value: unknown, at: string): Fields & { type: string } {
  if (!isFields(value)) fail(at, 'Input should be an object')
  if (value.type === undefined) fail(`${at}.type`, 'Field required')
  if (typeof value.type !== 'string') fail(`${at}.type`, 'Input should be a string')
  return value as Fields & { type: string }
}

/** A string that may be missing: then it is empty. */
export function readTextOr(value: unknown, at: string): string {
  if (value === undefined || value === null) return ''
  if (typeof value !== 'string') fail(at, 'Input should be a string')
  return value
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function readFlag(value: unknown, at: string): boolean {
  if (value === undefined || value === null) return false
  if (typeof value !== 'boolean') fail(at, 'Input should be a valid boolean')
  return value
}

/** Whether a tool is strict. */
export function readStrict(value: unknown, at: string): true | undefined {
  return readFlag(value, at) ? true : undefined
}

export function readInput(value: unknown, at: string): JsonObject {
  if (value === undefined || value === null) return {}
  if (!isFields(value)) fail(at, 'Input should be an object')
  return value as JsonObject
}

/** Whether a value is nested deeper than any real request. */
export function isTooDeep(value: unknown): boolean {
  return isDeeperThan(value, MAX_DEPTH)
}

export function fail(at: string, what: string): never {
  throw new TetherError('invalid_request', `${at}: ${what}`, { field: at })
}
