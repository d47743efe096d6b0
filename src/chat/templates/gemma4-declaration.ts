/**
 * A tool's declaration in Gemma 4's notation. A schema of types, descriptions, properties, items and enums of text is
 * written as the official template writes it.
 *
 * That template drops everything else, and the model cannot know what it is not told. So this has more, in the words of
 * the API that the notation comes from: `anyOf`, `nullable` for a choice of null, an `enum` for a constant, enums of any
 * type, defaults, bounds, patterns and formats, before the type. A type that is not given is taken from the values or
 * parts of the schema. A declaration without a type has the type OBJECT, and a property whose schema is not an object is
 * dropped; the official template fails at both.
 */

import { isObject } from '../formats/json-value.js'
import { merge } from '../formats/resolve-schema.js'
import { jsonText } from '../json-text.js'
import type { ChatTool, JsonObject, JsonValue } from '../types.js'
import { renderList, renderString, renderValue } from './gemma4-values.js'
import { type PromptWriter, sortedEntries } from './layout.js'
import { shownSchema } from './shown-schema.js'

export function renderDeclaration(out: PromptWriter, tool: ChatTool): void {
  const schema = plain(shownSchema(tool.schema))
  const { properties, type, description } = schema
  out.text(`declaration:${tool.name}{description:`)
  renderString(out, tool.description)
  out.text(',parameters:{')
  if (typeof description === 'string' && !tool.description.includes(description))
    renderText(out, 'description', description)
  if (isObject(properties) && Object.keys(properties).length > 0) {
    out.text('properties:')
    renderProperties(out, properties)
    out.text(',')
  }
  renderRequired(out, schema)
  renderRest(out, schema)
  out.text('type:')
  renderString(out, typeName(type ?? 'object'))
  out.text('}}')
}

// The fields of a schema that are not properties.
const OWN_FIELDS = new Set(['description', 'type', 'properties', 'required', 'nullable'])

// What the official template leaves out. Each holds a value, a schema, or a list or an object of schemas.
const VALUES = [
  ...['default', 'example', 'examples', 'format', 'pattern', 'minLength', 'maxLength'],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  ...['minItems', 'maxItems', 'uniqueItems', 'minProperties', 'maxProperties', 'dependentRequired'],
  ...['contentEncoding', 'contentMediaType', '$ref', '$dynamicRef', '$recursiveRef'],
]
const SCHEMAS = ['additionalProperties', 'additionalItems', 'propertyNames', 'contains', 'not', 'if', 'then', 'else']
const LISTS = ['anyOf', 'oneOf', 'allOf', 'prefixItems']
const MAPS = ['patternProperties', 'dependentSchemas']
const NEVER_PROPERTIES = new Set([...VALUES, ...SCHEMAS, ...LISTS, ...MAPS, 'items', 'enum', '$defs', 'definitions'])

function renderProperties(out: PromptWriter, properties: JsonObject, filter = false): void {
  out.text('{')
  let first = true
  for (const [key, schema] of sortedEntries(properties)) {
    if (!isObject(schema) || (filter && (OWN_FIELDS.has(key) || NEVER_PROPERTIES.has(key)))) continue
    if (!first) out.text(',')
    first = false
    out.text(`${key}:{`)
    renderSchema(out, plain(schema))
    out.text('}')
  }
  out.text('}')
}

/** The fields in the official order, then those that it leaves out. The type is last. */
function renderSchema(out: PromptWriter, schema: JsonObject): void {
  const { description, properties, items, type } = schema
  if (description) renderText(out, 'description', jsonText(description))
  if (Array.isArray(schema.enum) && schema.enum.length > 0) {
    out.text('enum:')
    renderValue(out, schema.enum, true)
    out.text(',')
  }
  if (isType(type, 'array') && isObject(items) && Object.keys(items).length > 0) {
    renderItems(out, items)
    out.text(',')
  }
  if (schema.nullable) out.text('nullable:true,')
  if (isType(type, 'object')) {
    out.text('properties:')
    renderProperties(out, isObject(properties) ? properties : schema, !isObject(properties))
    out.text(',')
    renderRequired(out, schema)
  }
  renderRest(out, schema)
  out.text('type:')
  renderString(out, typeName(type))
}

function renderRest(out: PromptWriter, schema: JsonObject): void {
  for (const key of VALUES) {
    const value = schema[key]
    if (value === undefined) continue
    out.text(`${key}:`)
    renderValue(out, value, true)
    out.text(',')
  }
  for (const key of SCHEMAS) {
    const value = schema[key]
    if (!isObject(value)) continue
    out.text(`${key}:`)
    renderInBraces(out, value)
    out.text(',')
  }
  for (const key of MAPS) {
    const value = schema[key]
    if (!isObject(value)) continue
    out.text(`${key}:`)
    renderProperties(out, value)
    out.text(',')
  }
  for (const key of LISTS) {
    // An older spelling of prefixItems is a list of items.
    const value = schema[key] ?? (key === 'prefixItems' ? schema.items : undefined)
    if (!Array.isArray(value)) continue
    out.text(`${key}:`)
    renderList(out, value, (one) => renderInBraces(out, one))
    out.text(',')
  }
}

function renderInBraces(out: PromptWriter, schema: JsonValue): void {
  out.text('{')
  if (isObject(schema)) renderSchema(out, plain(schema))
  out.text('}')
}

function renderItems(out: PromptWriter, items: JsonObject): void {
  out.text('items:{')
  let first = true
  for (const [key, value] of sortedEntries(items)) {
    if (value === null) continue
    if (!first) out.text(',')
    first = false
    if (key === 'properties') {
      out.text('properties:')
      renderProperties(out, isObject(value) ? value : {})
    } else if (key === 'required' && Array.isArray(value)) {
      out.text('required:')
      renderList(out, value, (name) => renderString(out, jsonText(name)))
    } else if (key === 'type') {
      out.text('type:')
      renderValue(out, Array.isArray(value) ? value.map((one) => jsonText(one).toUpperCase()) : typeName(value), true)
    } else {
      out.text(`${key}:`)
      renderValue(out, value, true)
    }
  }
  out.text('}')
}

function renderText(out: PromptWriter, key: string, text: string): void {
  out.text(`${key}:`)
  renderString(out, text)
  out.text(',')
}

function renderRequired(out: PromptWriter, { required }: JsonObject): void {
  if (!Array.isArray(required) || required.length === 0) return
  out.text('required:')
  renderList(out, required, (name) => renderString(out, jsonText(name)))
  out.text(',')
}

function isType(type: JsonValue | undefined, name: string): boolean {
  return (Array.isArray(type) ? type : [type]).some((one) => typeof one === 'string' && one.toLowerCase() === name)
}

/** A list of types is written as Python prints it, as in the official template. */
function typeName(type: JsonValue | undefined): string {
  if (Array.isArray(type)) return `[${type.map((one) => `'${jsonText(one)}'`).join(', ')}]`.toUpperCase()
  return typeof type === 'string' ? type.toUpperCase() : ''
}

/** The schema in the notation's words: parts of `allOf` joined, a choice of null as `nullable`, a constant as an enum. */
function plain(schema: JsonObject): JsonObject {
  let result = joined(schema)
  for (const key of ['anyOf', 'oneOf']) result = withoutNull(result, key)
  if (result.const !== undefined && result.enum === undefined) result = { ...result, enum: [result.const] }
  if (result.type !== undefined) return result
  const type = impliedType(result)
  return type === undefined ? result : { ...result, type }
}

function joined(schema: JsonObject): JsonObject {
  const { allOf, ...own } = schema
  if (!Array.isArray(allOf)) return schema
  return allOf.reduce<JsonObject>((all, part) => (isObject(part) ? merge(all, joined(part)) : all), own)
}

function withoutNull(schema: JsonObject, key: string): JsonObject {
  const { [key]: choices, ...own } = schema
  if (!Array.isArray(choices)) return schema
  const others = choices.filter((one) => !(isObject(one) && (one.type === 'null' || one.const === null)))
  const nullable: JsonObject = others.length < choices.length ? { nullable: true } : {}
  const [only] = others
  if (others.length === 1 && isObject(only)) return { ...plain(merge(only, own)), ...nullable }
  return { ...own, [key]: others, ...nullable }
}

function impliedType(schema: JsonObject): string | undefined {
  const values = Array.isArray(schema.enum) ? schema.enum : []
  const types = new Set(values.map((value) => (Number.isInteger(value) ? 'integer' : typeof value)))
  const [type, ...others] = types
  if (type !== undefined) return others.length === 0 && type !== 'object' ? type : undefined
  if (isObject(schema.properties)) return 'object'
  return schema.items !== undefined || schema.prefixItems !== undefined ? 'array' : undefined
}
