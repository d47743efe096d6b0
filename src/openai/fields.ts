/** The fields at the top of a request: the type of each, and which of them have no effect here. */
import { type Fields, fail, isFields } from '../turn/request-fields.js'

/** Throws `invalid_request` for a value of the wrong type; it is never undefined or null. */
type Check = (value: unknown, at: string) => void

interface Field {
  check: Check
  /** Whether this value has no effect here although it asks for one. */
  isIgnored: (value: unknown) => boolean
}

export type FieldTable = Record<string, Field>

// A warning with more names helps nobody.
const MOST_NAMED = 50
const LONGEST_NAME = 80

/** Read by the parser, which checks it too. */
export const read: Field = { check: () => {}, isIgnored: () => false }

/** Of the right type, and of no effect on any answer. */
export function harmless(check: Check): Field {
  return { check, isIgnored: () => false }
}

/** `off`: the values that ask for nothing; empty lists and objects ask for nothing either. */
export function unsupported(check: Check, ...off: unknown[]): Field {
  return { check, isIgnored: (value) => !off.includes(value) && !isEmpty(value) }
}

/** -> the names of the fields that have no effect here, those among them that OpenAI's API does not have. */
export function ignoredFields(fields: Fields, table: FieldTable): string[] {
  const ignored: string[] = []
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue
    const field = Object.hasOwn(table, name) ? table[name] : undefined
    field?.check(value, name)
    if ((field?.isIgnored(value) ?? true) && ignored.length < MOST_NAMED) ignored.push(name.slice(0, LONGEST_NAME))
  }
  return ignored
}

export function orNone(names: string[]): string[] | undefined {
  return names.length > 0 ? names : undefined
}

export const text: Check = (value, at) => {
  if (typeof value !== 'string') fail(at, 'Input should be a string')
}

export const flag: Check = (value, at) => {
  if (typeof value !== 'boolean') fail(at, 'Input should be a valid boolean')
}

export const object: Check = (value, at) => {
  if (!isFields(value)) fail(at, 'Input should be an object')
}

export const list: Check = (value, at) => {
  if (!Array.isArray(value)) fail(at, 'Input should be a list')
}

export const any: Check = () => {}

export function number(least: number, most: number): Check {
  return (value, at) => {
    if (typeof value === 'number' && value >= least && value <= most) return
    fail(at, `Input should be a number between ${least} and ${most}`)
  }
}

export function whole(least: number, most = Number.MAX_SAFE_INTEGER): Check {
  return (value, at) => {
    if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return
    fail(at, `Input should be a whole number between ${least} and ${most}`)
  }
}

/** Texts by names. */
export const texts: Check = (value, at) => {
  if (!isFields(value)) fail(at, 'Input should be an object')
  for (const [name, one] of Object.entries(value)) text(one, `${at}.${name}`)
}

/** One choice is all there is. */
export const single: Check = (value, at) => {
  if (value !== 1) fail(at, 'Input should be 1: each request gets one answer')
}

/** A flag that must not be set. `why`: what to do instead. */
export function refused(why: string): Check {
  return (value, at) => {
    flag(value, at)
    if (value) fail(at, why)
  }
}

/** What every request may have. */
export const sharedFields: FieldTable = {
  model: read,
  stream: read,
  temperature: read,
  top_p: read,
  top_k: read,
  min_p: read,
  repetition_penalty: read,
  seed: read,
  user: harmless(text),
  metadata: harmless(texts),
  safety_identifier: harmless(text),
  prompt_cache_key: harmless(text),
  prompt_cache_retention: harmless(text),
  prompt_cache_options: harmless(object),
  service_tier: unsupported(text, 'auto', 'default'),
  moderation: unsupported(any),
}

/** What chats and raw prompts may have besides. */
export const completionFields: FieldTable = {
  ...sharedFields,
  stream_options: read,
  stop: read,
  n: harmless(single),
  frequency_penalty: unsupported(number(-2, 2), 0),
  presence_penalty: unsupported(number(-2, 2), 0),
  logit_bias: unsupported(object),
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}
