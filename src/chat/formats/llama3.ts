/** What a Llama 3.x model writes, as parts: calls are JSON objects with a name and parameters, anywhere in the text. */
import type { ChatTool, JsonObject, OutputReader, Part, Piece, ReadEnd } from '../types.js'
import { coerce } from './coerce.js'

export const LLAMA3_MARKERS = ['<|python_tag|>', '<|eot_id|>', '<|eom_id|>', '<|end_of_text|>']

const TAG = '<|python_tag|>'
const KEYS = ['name', 'parameters', 'arguments', 'type', 'function', 'id']
const MAX_DEPTH = 64

/** `tools`: what may be called; undefined lets every name pass. */
export function llama3Reader(tools: ChatTool[] | undefined): OutputReader {
  const offered = tools && new Map(tools.map((tool) => [tool.name, tool]))
  let object: ObjectScan | undefined // a brace that may open a call, and what followed
  let gap = '' // a tag, or the space and separators behind a call: nothing, unless text follows
  let afterCall = false

  const say = (text: string): Part[] => {
    if (!text) return []
    const whole = afterCall ? gap.replace(/^[\s;]+/, '') + text : gap + text
    gap = ''
    afterCall = false
    return [{ type: 'text', text: whole }]
  }

  const finishObject = (scan: ObjectScan): Part[] => {
    const call = toCall(scan.text)
    if (!call || (offered && !offered.has(call.name))) return say(scan.text)
    gap = ''
    afterCall = true
    return [{ type: 'tool_call', name: call.name, input: coerce(call.input, offered?.get(call.name)) }]
  }

  const text = (written: string): Part[] => {
    const parts: Part[] = []
    let rest = written
    while (rest) {
      if (object) {
        rest = object.push(rest)
        if (object.state === 'open') break
        const scan = object
        object = undefined
        parts.push(...(scan.state === 'closed' ? finishObject(scan) : say(scan.text)))
        continue
      }
      const brace = rest.indexOf('{')
      const before = brace < 0 ? rest : rest.slice(0, brace)
      if (afterCall && /^[\s;]*$/.test(before)) gap += before
      else parts.push(...say(before))
      if (brace < 0) break
      object = new ObjectScan()
      rest = rest.slice(brace)
    }
    return parts
  }

  return {
    push(piece: Piece) {
      if (typeof piece === 'string') return text(piece)
      if (piece.control !== TAG) return LLAMA3_MARKERS.includes(piece.control) ? [] : text(piece.control)
      gap += TAG
      return []
    },
    end(_: ReadEnd) {
      const rest = object?.text ?? ''
      object = undefined
      if (rest) return say(rest)
      return afterCall || !gap ? [] : say(gap.replace(TAG, ''))
    },
  }
}

/** Follows one JSON object from its brace, string-aware, reading every character once. */
class ObjectScan {
  text = ''
  /** `plain`: it opens no call. */
  state: 'open' | 'closed' | 'plain' = 'open'
  private depth = 0
  private inString = false
  private escaped = false

  /** Takes what belongs to the object and returns the rest. */
  push(more: string): string {
    let i = 0
    for (; i < more.length && this.state === 'open'; i++) this.step(more[i] as string)
    this.text += more.slice(0, i)
    if (this.state === 'open' && !mayOpenCall(this.text)) this.state = 'plain'
    return more.slice(i)
  }

  private step(char: string): void {
    if (this.inString) {
      if (this.escaped) this.escaped = false
      else if (char === '\\') this.escaped = true
      else if (char === '"') this.inString = false
    } else if (char === '"') this.inString = true
    else if (char === '{' || char === '[') {
      if (++this.depth > MAX_DEPTH) this.state = 'plain'
    } else if ((char === '}' || char === ']') && --this.depth === 0) this.state = 'closed'
  }
}

/** Whether an object that begins like this may still be a call: its first key tells. */
function mayOpenCall(start: string): boolean {
  const key = /^\{\s*(?:"([^"]*)("?))?/.exec(start.slice(0, 64))
  if (!key || (key[0].length < start.length && key[1] === undefined)) return false
  const [, name, closed] = key
  if (name === undefined) return true
  return KEYS.some((known) => (closed ? known === name : known.startsWith(name)))
}

function toCall(text: string): { name: string; input: JsonObject } | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined // not JSON, so not a call: it is given back as text
  }
  const outer = value as JsonObject
  const call = isObject(outer.function) ? outer.function : outer
  const name = call.name ?? outer.function
  let input = call.parameters ?? call.arguments
  if (typeof input === 'string') {
    try {
      input = JSON.parse(input)
    } catch {
      return undefined // likewise
    }
  }
  return typeof name === 'string' && name && isObject(input) ? { name, input } : undefined
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
