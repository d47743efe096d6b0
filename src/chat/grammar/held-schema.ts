/**
 * A schema as a grammar says it exactly: each part is a type with keywords of its own, a list of values, a choice or a
 * reference. References and choices beside other keywords are merged with them. What cannot be said is left out and named.
 */

import { briefly } from '../../one-line.js'
import { isObject } from '../formats/json-value.js'
import { referenced, refOf } from '../formats/resolve-schema.js'
import { SchemaCheck, TOO_MUCH_WORK } from '../formats/schema.js'
import type { JsonObject, JsonValue } from '../types.js'
import { areApart } from './apart.js'
import { unbounded } from './bounds.js'
import { combined } from './combine.js'
import { nameOf, refTo, withEndings } from './endings.js'
import { type Keywords, readKeywords, typesOf } from './keywords.js'
import { isWritable, numberLeaf, textLeaf } from './leaves.js'
import { listLeaf, objectLeaf } from './objects.js'

// Parts that are merged, and parts that come of it: some, and more for each character of the schema. A small request is
// read on the thread that answers, and may have many small schemas.
const LEAST_VISITS = 500
const VISITS_A_CHARACTER = 2 / 3
const MOST_VISITS = 5000
const MOST_CHOICES = 64
const DEEPEST = 64
const MOST_COMPARED = 20_000
const MOST_COUNTED = 20_000
// What is not held is named in errors and in the log.
const MOST_NAMED = 100
// Characters, as JSON. A grammar takes time with the square of an enum's, and a second for these.
const LONGEST_ENUM = 8192
const LONGEST = 65_536

export interface HeldSchema {
  /** undefined: nothing of it is held, which the first of `missing` explains. */
  schema?: JsonObject
  /** What of the schema is not held. */
  missing: string[]
}

export interface HeldOptions {
  /** What a value has to fit, too. */
  also?: JsonObject
  /** Names and texts are written as they are, without JSON's quotes and escapes. */
  isPlain?: boolean
}

export function heldSchema(root: JsonObject, options: HeldOptions = {}): HeldSchema {
  const fault = unbounded(root)
  if (fault !== undefined) return { missing: [fault] }
  try {
    return new Reader(root, options, mostVisits(root)).held()
  } catch (error) {
    if (error === TOO_LARGE) return { missing: ['references and choices that come to a schema of too many parts'] }
    throw error
  }
}

function mostVisits(root: JsonObject): number {
  return Math.min(MOST_VISITS, LEAST_VISITS + VISITS_A_CHARACTER * JSON.stringify(root).length)
}

const TOO_LARGE = Symbol('too large')

/** What is said of one value: keywords, and choices of which one has to fit. */
interface Said {
  /** Whose keywords these are: a schema that comes again says nothing new. */
  of: Set<JsonValue>
  keywords: Keywords
  choices: { of: JsonValue[]; isExclusive: boolean }[]
}

class Reader {
  private readonly missing = new Set<string>()
  private readonly nothings: string[] = []
  private readonly names = new Map<JsonValue, string>()
  private readonly definitions = new Map<string, JsonValue>()
  private readonly keywords = new Map<JsonObject, Keywords>()
  private visits = 0
  private counted = 0
  /** References that are followed one within the other. */
  private within = 0

  constructor(
    private readonly root: JsonObject,
    private readonly options: HeldOptions,
    private readonly mostVisits: number,
  ) {}

  held(): HeldSchema {
    const { also } = this.options
    const read = this.read(also ? { allOf: [also, this.root] } : this.root)
    const { root, definitions } = withEndings({ root: read, definitions: this.definitions }, this.miss)
    if (root === false) return { missing: [this.nothings[0] ?? 'a $ref that leads to itself, so that no value ends'] }
    const schema: JsonObject = { ...(root as JsonObject) }
    if (definitions.size > 0) schema.$defs = Object.fromEntries(definitions)
    const size = JSON.stringify(schema).length
    if (size > LONGEST) return { missing: [`names, values and bounds of more than ${LONGEST} characters`] }
    return { schema, missing: [...this.missing] }
  }

  private readonly miss = (what: string) => {
    if (this.missing.size < MOST_NAMED) this.missing.add(briefly(what))
  }

  private readonly nothing = (why: string): false => {
    if (this.nothings.length === 0) this.nothings.push(briefly(why))
    return false
  }

  private readonly mayCount = (times: number): boolean => {
    if (this.counted + times > MOST_COUNTED) return false
    this.counted += times
    return true
  }

  private visit(depth: number): void {
    this.visits += 1
    if (this.visits > this.mostVisits || depth > DEEPEST) throw TOO_LARGE
  }

  private readonly read = (schema: JsonValue): JsonValue => this.readAt(schema, [])

  /** `open`: what is being merged; a choice that leads back there adds nothing. */
  private readAt(schema: JsonValue, open: JsonValue[]): JsonValue {
    if (schema === false) return this.nothing('a schema that is false')
    if (!isObject(schema)) return {}
    this.visit(open.length)
    const alone = onlyRef(schema)
    if (alone !== undefined) return this.define(alone)
    const said: Said = { of: new Set(), keywords: {}, choices: [] }
    const inside = [...open, schema]
    if (!this.gather(schema, said, inside)) return false
    const { keywords, choices } = said
    if (choices.length === 0) return this.leaf(keywords)
    return this.choose(said, inside)
  }

  /** A reference stays one, since it may lead to what it is part of. */
  private define(ref: string): JsonValue {
    const target = referenced(ref, this.root)
    if (target === undefined) return this.lost(ref)
    const known = this.names.get(target)
    if (known !== undefined) return { $ref: refTo(known) }
    if (!isObject(target)) return this.read(target)
    const name = `r${this.names.size}`
    this.names.set(target, name)
    const next = onlyRef(target)
    this.within += 1
    if (this.within > DEEPEST) throw TOO_LARGE
    this.definitions.set(name, next === undefined ? this.readAt(target, []) : this.define(next))
    this.within -= 1
    return { $ref: refTo(name) }
  }

  private lost(ref: string): JsonValue {
    this.miss(`the $ref ${JSON.stringify(ref.slice(0, 80))}, which leads nowhere`)
    return {}
  }

  /** Adds what a schema says to `said`. false: it leads to itself. */
  private gather(schema: JsonValue, said: Said, open: JsonValue[]): boolean {
    if (schema === false) return this.nothing('a schema that is false')
    if (!isObject(schema) || said.of.has(schema)) return true
    this.visit(open.length)
    said.of.add(schema)
    said.keywords = combined(said.keywords, this.keywordsOf(schema), this.miss)
    const { allOf, anyOf, oneOf } = schema
    if (Array.isArray(anyOf)) said.choices.push({ of: anyOf, isExclusive: false })
    if (Array.isArray(oneOf)) said.choices.push({ of: oneOf, isExclusive: true })
    for (const one of Array.isArray(allOf) ? allOf : []) if (!this.gatherInner(one, said, open)) return false
    const ref = refOf(schema)
    if (ref === undefined) return true
    const target = referenced(ref, this.root)
    if (target === undefined) this.lost(ref)
    return target === undefined || this.gatherInner(target, said, open)
  }

  private keywordsOf(schema: JsonObject): Keywords {
    const known = this.keywords.get(schema) ?? readKeywords(schema, this.miss)
    this.keywords.set(schema, known)
    return known
  }

  private gatherInner(schema: JsonValue, said: Said, open: JsonValue[]): boolean {
    return !open.includes(schema) && this.gather(schema, said, [...open, schema])
  }

  private choose({ keywords, choices }: Said, open: JsonValue[]): JsonValue {
    const [first, ...others] = choices as [Said['choices'][number], ...Said['choices']]
    const isAlone = others.length === 0 && Object.keys(keywords).length === 0
    if (first.of.length > MOST_CHOICES && !isAlone) throw TOO_LARGE
    if (first.of.length === 0) return this.nothing('a choice among nothing')
    const rest = [
      ...others.map(({ of, isExclusive }) => ({ [isExclusive ? 'oneOf' : 'anyOf']: of })),
      ...(Object.keys(keywords).length > 0 ? [schemaOf(keywords)] : []),
    ]
    const read = first.of.map((one) => {
      if (open.includes(one)) return false
      return isAlone
        ? this.readAt(one, onlyRef(one) === undefined ? open : [])
        : this.readAt({ allOf: [...rest, one] }, open)
    })
    const places = { resolve: (ref: string) => this.definitions.get(nameOf(ref)), steps: MOST_COMPARED }
    const isExact =
      !first.isExclusive || read.every((one, i) => read.every((other, j) => i <= j || areApart(one, other, places)))
    if (!isExact) this.miss('oneOf whose choices may both fit')
    return read.length === 1 ? (read[0] as JsonValue) : { anyOf: read }
  }

  private leaf(keywords: Keywords): JsonValue {
    if (keywords.enum) return this.values(keywords, keywords.enum)
    const types = typesOf(keywords)
    if (keywords.type && types.length === 0) return this.nothing('types of which none is allowed by all')
    const read = types.map((type) => this.typed(keywords, type))
    if (read.length <= 1) return read[0] ?? {}
    return { anyOf: read }
  }

  private typed(keywords: Keywords, type: string): JsonValue {
    this.visit(0)
    const { miss, nothing, mayCount } = this
    const told = { miss, nothing, mayCount, isPlain: this.options.isPlain === true }
    const inner = { ...told, read: this.read }
    if (type === 'object') return objectLeaf(keywords, inner)
    if (type === 'array') return listLeaf(keywords, inner)
    if (type === 'string') return textLeaf(keywords, told)
    return type === 'number' || type === 'integer' ? numberLeaf(keywords, type, told) : { type }
  }

  private values(keywords: Keywords, values: JsonValue[]): JsonValue {
    const { enum: _all, pattern, ...others } = keywords
    if (pattern !== undefined) this.miss('a pattern beside an enum')
    if (others.multipleOf !== undefined) this.miss('multipleOf beside an enum')
    const check = new SchemaCheck(this.root)
    const schema = schemaOf(others)
    const fitting = values.filter((one) => isWritable(one) && fits(check, one, schema))
    if (fitting.length === 0) return this.nothing('an enum of nothing')
    if (JSON.stringify(fitting).length <= LONGEST_ENUM) return { enum: fitting }
    this.miss(`an enum of more than ${LONGEST_ENUM} characters`)
    return this.leaf(others)
  }
}

function fits(check: SchemaCheck, value: JsonValue, schema: JsonObject): boolean {
  try {
    return check.misfit(value, schema, '', 0) === undefined
  } catch (error) {
    if (error === TOO_MUCH_WORK) return true
    throw error
  }
}

// Beside a reference these say nothing of a value.
const SILENT = new Set([
  'description',
  'title',
  'examples',
  'default',
  'deprecated',
  '$comment',
  '$schema',
  '$id',
  '$anchor',
  '$defs',
  'definitions',
  'readOnly',
  'writeOnly',
  'nullable',
])

/** The reference that a schema is; undefined: it is none, or more. */
function onlyRef(schema: JsonValue): string | undefined {
  if (!isObject(schema)) return undefined
  const said = Object.keys(schema).filter((key) => !SILENT.has(key))
  return said.length === 1 ? refOf(schema) : undefined
}

function schemaOf(keywords: Keywords): JsonObject {
  return { ...keywords } as JsonObject
}
