/** Gemma 4's calls as a grammar: `call:Name{key:<|"|>text<|"|>,n:1}<tool_call|>`. */
import { fitting, oneOf, sequence, text } from '../grammar/rule.js'
import { sortedEntries } from '../templates/layout.js'
import type { CallSyntax, JsonObject, JsonValue, Rule } from '../types.js'
import { isReadableName, QUOTE } from './gemma4-call.js'
import { CALL, CALL_END } from './gemma4-open-call.js'
import { isObject, setKey } from './json-value.js'

export const gemma4Syntax: CallSyntax = {
  controls: [CALL],
  texts: [],
  quote: QUOTE,
  rule(tools, { id }) {
    const end = id(CALL_END)
    const named = tools.map(({ name, schema }) => sequence(text(name), fitting(inOrder(schema) as JsonObject, 'gemma')))
    const closing: Rule[] = end === undefined ? [] : [{ type: 'token', token: end }]
    return sequence(text('call:'), oneOf(named), ...closing)
  },
  unwritable: ({ name, schema }) =>
    isReadableName(name) ? unwritableKey(schema) : `the name ${name}, which no call of this model can have`,
}

/** The schema with its properties in the order in which the model sees and writes them: a grammar holds to theirs. */
function inOrder(value: JsonValue, isMap = false): JsonValue {
  if (Array.isArray(value)) return value.map((one) => inOrder(one))
  if (!isObject(value)) return value
  const ordered: JsonObject = {}
  for (const [key, inner] of isMap ? sortedEntries(value) : Object.entries(value))
    setKey(ordered, key, inOrder(inner, !isMap && key === 'properties'))
  return ordered
}

// Keys stand without quotes.
const SIGNS = /[{}()[\]<>"',:=]|^\s|\s$|^$/

/** The first property whose name cannot be read back. */
function unwritableKey(schema: JsonObject): string | undefined {
  const todo: JsonValue[] = [schema]
  for (let value = todo.pop(); value !== undefined; value = todo.pop()) {
    if (typeof value !== 'object' || value === null) continue
    const { properties } = value as JsonObject
    const key = isObject(properties) ? Object.keys(properties).find((name) => SIGNS.test(name)) : undefined
    if (key !== undefined) return `the property ${JSON.stringify(key)}, whose name has a sign of this model's calls`
    for (const inner of Object.values(value)) todo.push(inner)
  }
}
