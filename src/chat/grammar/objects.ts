/** Objects and lists as a grammar says them. `false`: there is no such value. */
import { setKey } from '../formats/json-value.js'
import type { JsonObject, JsonValue } from '../types.js'
import type { Keywords } from './keywords.js'
import { sized, type Told } from './leaves.js'
import { inAscii, patternFault } from './pattern.js'

// A grammar counts by repeating itself, each property once for each number of those before it.
const MOST_COUNTED = 1000

export interface Inner extends Told {
  /** An inner schema as a grammar says it. */
  read(schema: JsonValue): JsonValue
}

export function listLeaf(keywords: Keywords, inner: Inner): JsonValue {
  const { minItems = 0, maxItems = Infinity, items } = keywords
  const least = Math.max(0, Math.ceil(minItems))
  const most = Math.floor(maxItems)
  if (least > most) return inner.nothing(`a list of at least ${least} and at most ${most} items`)
  const first = (keywords.prefixItems ?? []).slice(0, most).map(inner.read)
  const list: JsonObject = { type: 'array' }
  if (first.length > 0) list.prefixItems = first
  if (items !== undefined && first.length < most) list.items = inner.read(items)
  if (first.length === most) return { ...list, items: false, ...(least > 0 ? { minItems: least } : {}) }
  return { ...list, ...sized({ least, most, least_: 'minItems', most_: 'maxItems' }, inner) }
}

export function objectLeaf(given: Keywords, inner: Inner): JsonValue {
  const keywords = withNames(given, inner)
  const { properties = {}, required = [] } = keywords
  const patterns = readPatterns(keywords, inner)
  const rest = patterns.isDropped ? undefined : keywords.additionalProperties
  const read: JsonObject = {}
  const needs = new Set(required)
  for (const [key, schema] of Object.entries(properties)) if (key.isWellFormed()) setKey(read, key, inner.read(schema))
  for (const key of needs) {
    if (Object.hasOwn(read, key)) continue
    if (!key.isWellFormed()) return inner.nothing(`the property ${JSON.stringify(key)}, which has half a character`)
    if (patterns.kept || patterns.isDropped) inner.miss(`required ${JSON.stringify(key)} beside patternProperties`)
    else if (rest === false) return inner.nothing(`required ${JSON.stringify(key)}, which is no property`)
    else setKey(read, key, inner.read(rest ?? true))
  }
  const object: JsonObject = { type: 'object' }
  // Where a schema describes none, any may be written; an empty list of them would mean none.
  if (keywords.properties || Object.keys(read).length > 0) object.properties = read
  const kept = [...needs].filter((key) => Object.hasOwn(read, key))
  if (kept.length > 0) object.required = kept
  if (patterns.kept) object.patternProperties = patterns.kept
  if (rest !== undefined) object.additionalProperties = rest === false ? false : inner.read(rest)
  const isOpen = object.additionalProperties !== false || patterns.kept !== undefined
  const size = propertyCount(keywords, { most: Object.keys(read).length, needed: kept.length, isOpen }, inner)
  return size && { ...object, ...size }
}

function propertyCount(
  { minProperties = 0, maxProperties = Infinity }: Keywords,
  { most, needed, isOpen }: { most: number; needed: number; isOpen: boolean },
  inner: Inner,
): JsonObject | false {
  const least = Math.max(0, Math.ceil(minProperties))
  const largest = Math.floor(maxProperties)
  if (least > largest || needed > largest) return inner.nothing(`an object of at most ${largest} properties`)
  if (!isOpen && least > most) return inner.nothing(`an object of at least ${least} properties`)
  const size = sized(
    { least: 0, most: isOpen || largest < most ? largest : Infinity, least_: '', most_: 'maxProperties' },
    inner,
  )
  const counted = Math.max(least <= needed ? 0 : least, typeof size.maxProperties === 'number' ? size.maxProperties : 0)
  if (counted * most > MOST_COUNTED) {
    inner.miss('minProperties and maxProperties of so many properties')
    return {}
  }
  if (least <= needed) return size
  // One name written twice counts once.
  if (isOpen) inner.miss('minProperties where any name may be one')
  return isOpen ? size : { ...size, minProperties: least }
}

/** `propertyNames` as properties, or as a pattern of names, where that says the same. */
function withNames(keywords: Keywords, inner: Inner): Keywords {
  const { propertyNames: names, properties, patternProperties, additionalProperties: rest = true } = keywords
  if (!names) return keywords
  const said = Object.keys(names).filter((key) => key !== 'type')
  if (!properties && !patternProperties && said.length === 1) {
    const values = Array.isArray(names.enum) ? names.enum : typeof names.const === 'string' ? [names.const] : undefined
    if (values) {
      const listed: JsonObject = {}
      for (const value of values) if (typeof value === 'string') setKey(listed, value, rest)
      return { ...keywords, properties: listed, additionalProperties: false }
    }
    if (typeof names.pattern === 'string')
      return { ...keywords, patternProperties: { [names.pattern]: rest }, additionalProperties: false }
  }
  inner.miss('propertyNames')
  return keywords
}

interface Patterns {
  kept?: JsonObject
  /** Left out, so that any name may be one. */
  isDropped: boolean
}

/** A name that several patterns allow, or a pattern and a property, has the schemas of all. */
function readPatterns({ patternProperties, properties = {}, additionalProperties }: Keywords, inner: Inner): Patterns {
  const patterns = Object.entries(patternProperties ?? {})
  if (patterns.length === 0) return { isDropped: false }
  const wrong = patterns.find(([pattern]) => patternFault(pattern, inner.isPlain) !== undefined)?.[0]
  const beginnings = patterns.map(([pattern]) => beginning(pattern))
  if (wrong !== undefined) inner.miss(`the pattern ${wrong.slice(0, 80)}, which ${patternFault(wrong, inner.isPlain)}`)
  else if (additionalProperties !== false) inner.miss('patternProperties where any name may be one')
  else if (
    inner.isPlain &&
    patterns.some(([pattern]) => !/^[\w^$\-[\]+*?|(){},]*$/.test(pattern) || /\[\^/.test(pattern))
  )
    inner.miss('patternProperties whose names may have signs')
  else if (!beginApart(beginnings, Object.keys(properties))) inner.miss('patternProperties that may name the same')
  else return { kept: readAll(patterns, inner), isDropped: false }
  return { isDropped: true }
}

function readAll(patterns: [string, JsonValue][], inner: Inner): JsonObject {
  const read: JsonObject = {}
  for (const [pattern, schema] of patterns) setKey(read, inAscii(pattern), inner.read(schema))
  return read
}

/** What all names of a pattern begin with. */
function beginning(pattern: string): string {
  const letters = /^\^([\w-]*)/.exec(pattern)?.[1] ?? ''
  const next = pattern[letters.length + 1] ?? ''
  return pattern.includes('|') ? '' : /[*?{]/.test(next) ? letters.slice(0, -1) : letters
}

/** Whether no beginning begins another or a name, nor is begun by one. In order, what begins a text stands before it. */
export function beginApart(beginnings: string[], names: string[]): boolean {
  const all = [
    ...beginnings.map((text) => ({ text, isPattern: true })),
    ...names.map((text) => ({ text, isPattern: false })),
  ].sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
  // Those that begin each other, up to the text before.
  const open: typeof all = []
  for (const one of all) {
    while (open.length > 0 && !one.text.startsWith(open.at(-1)?.text ?? '')) open.pop()
    if (open.length > 0 && (one.isPattern || open.at(-1)?.isPattern)) return false
    open.push(one)
  }
  return true
}
