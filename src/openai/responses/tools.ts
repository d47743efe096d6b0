/**
 * Tools that only responses have: those in a namespace, and those whose input is a text of any form (`custom`). The model
 * is told of functions; its calls get their own form back.
 */
import type { ChatPart, ChatTool, JsonObject } from '../../chat/types.js'
import { type Fields, fail, isFields, readText, readTextOr, readTyped } from '../../turn/request-fields.js'
import { type ReadOther, type ReadTools, readFunction, readTools } from '../tools.js'
import type { CallItem, CustomCallItem, ResponseEcho } from './types.js'

/** One of these; `shown`: the name by which the model knows it. */
type OtherTool = ResponseEcho['others'][number]

export function readResponseTools(fields: Fields): ReadTools & { others: OtherTool[] } {
  const others: OtherTool[] = []
  const readOne: ReadOther = (tool, at, namespace?: string) => {
    if (tool.type === 'custom') {
      const name = readText(tool.name, `${at}.name`)
      others.push({ shown: shownName(name, namespace), name, namespace, isCustom: true })
      return [customTool(shownName(name, namespace), tool, at)]
    }
    if (tool.type !== 'namespace' || namespace !== undefined) return undefined
    const group = readText(tool.name, `${at}.name`)
    if (!Array.isArray(tool.tools)) fail(`${at}.tools`, 'Input should be a list')
    return tool.tools.flatMap((value, i) => {
      const where = `${at}.tools[${i}]`
      const inner = readTyped(value, where)
      if (inner.type !== 'function') return readOne(inner, where, group) ?? []
      const { name, ...rest } = readFunction(inner, where)
      others.push({ shown: shownName(name, group), name, namespace: group, isCustom: false })
      return [{ name: shownName(name, group), ...rest }]
    })
  }
  return { ...readTools(fields, readOne), others }
}

function customTool(name: string, { description, format }: Fields, at: string): ChatTool {
  if (format !== undefined && format !== null && !isFields(format)) fail(`${at}.format`, 'Input should be an object')
  const grammar = isFields(format) ? readTextOr(format.definition, `${at}.format.definition`) : ''
  const rule = grammar === '' ? '' : `\nThe input has to fit this grammar:\n${grammar}`
  return {
    name,
    description: readTextOr(description, `${at}.description`) + rule,
    schema: { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] },
  }
}

/** The name by which the model knows a tool, which tools of two namespaces do not share. */
function shownName(name: string, namespace: string | undefined): string {
  return namespace === undefined ? name : `${namespace}__${name}`
}

type Call = Extract<ChatPart, { type: 'tool_call' }>

/** A call of the model's as an item that is done. `json`: its input. */
export function callItem(
  id: string,
  { id: call_id, name: shown, input }: Call,
  json: string,
  others: OtherTool[],
): CallItem | CustomCallItem {
  const { name, namespace, isCustom } = others.find((one) => one.shown === shown) ?? { name: shown, isCustom: false }
  const named = namespace === undefined ? { name } : { name, namespace }
  if (!isCustom) return { id, type: 'function_call', status: 'completed', call_id, ...named, arguments: json }
  return { id, type: 'custom_tool_call', status: 'completed', call_id, ...named, input: customInput(input, json) }
}

function customInput({ input }: JsonObject, json: string): string {
  return typeof input === 'string' ? input : json
}

export type CallNames = Pick<CallItem, 'call_id' | 'name' | 'namespace'>

/** A call in an answer or in a request's input, as the model made it. */
export function callPart({ call_id, name, namespace }: CallNames, input: JsonObject): Call {
  return { type: 'tool_call', id: call_id, name: shownName(name, namespace), input }
}
