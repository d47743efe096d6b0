/**
 * Llama 3's answers: text, and calls as JSON objects `{"name": …, "parameters": {…}}`, to parts.
 *
 * A call may stand at the start, after text, after `<|python_tag|>`, or after another call and `;`. What begins like one
 * is held back until it ends or cannot be one any more. Code in backticks is never a call. Every character is looked at
 * a bounded number of times.
 */
import type { ChatTool, JsonObject, JsonValue, OutputReader, Part, Piece } from '../types.js'
import { MAX_DEPTH, type ToolCall, toCall } from './call.js'
import { type ObjectScan, objectScan } from './json-object.js'
import { textRun } from './text-run.js'

const PYTHON_TAG = '<|python_tag|>'
const ENDS = new Set(['<|eot_id|>', '<|eom_id|>', '<|end_of_text|>', '<|begin_of_text|>'])
export const LLAMA3_MARKERS = [PYTHON_TAG, ...ENDS, '<|start_header_id|>', '<|end_header_id|>']

// A call has these keys and no others: a tool's definition or a package.json has more.
const KEYS = ['name', 'parameters', 'arguments', 'type', 'id']

/** `tools` undefined: every name counts as offered. */
export function llama3Reader(tools: ChatTool[] | undefined): OutputReader {
  const text = textRun()
  const fences = fenceWatch()
  let scan: ObjectScan | undefined
  // What stands before an object and is dropped if that is a call: `<|python_tag|>`, or what separates two calls.
  let before = ''
  let separating = false

  const write = (written: string): Part[] => {
    fences.see(written)
    return text.push(written)
  }

  const releaseBefore = (): Part[] => {
    const written = before
    before = ''
    separating = false
    return written === '' ? [] : write(written)
  }

  /** Reads up to where an object may begin. Returns how far. */
  const readText = (source: string, from: number, parts: Part[]): number => {
    let at = from
    if (before !== '' || separating) {
      const gap = separating ? /[\s;,]*/y : /\s*/y
      gap.lastIndex = at
      const found = gap.exec(source)?.[0] ?? ''
      before += found
      at += found.length
      if (at === source.length) return at
    }
    const brace = fences.findOpening(source, at)
    if (brace > at) parts.push(...releaseBefore())
    if (brace > at) parts.push(...write(source.slice(at, brace)))
    if (brace < source.length) scan = objectScan(KEYS, MAX_DEPTH)
    return brace
  }

  /** Goes on with the object that is open. Returns how far. */
  const readObject = (open: ObjectScan, source: string, from: number, parts: Part[]): number => {
    const { state, end } = open.push(source, from)
    if (state === 'open') return end
    scan = undefined
    const call = state === 'whole' ? readCall(open.source(), tools) : undefined
    if (call) {
      before = ''
      separating = true
      text.interrupt()
      parts.push(call)
      return end
    }
    parts.push(...releaseBefore())
    if (state !== 'none') {
      parts.push(...write(open.source()))
      return end
    }
    // No call from its first characters on: the brace is text, and what follows it is read again.
    parts.push(...write('{'))
    parts.push(...read(open.source().slice(1)))
    return end
  }

  const read = (source: string): Part[] => {
    const parts: Part[] = []
    let at = 0
    while (at < source.length) at = scan ? readObject(scan, source, at, parts) : readText(source, at, parts)
    return parts
  }

  const release = (): Part[] => {
    if (!scan) return []
    const source = scan.source()
    scan = undefined
    return [...releaseBefore(), ...write(source)]
  }

  const readControl = (control: string): Part[] => {
    const parts = release()
    if (control === PYTHON_TAG) {
      if (!separating) parts.push(...releaseBefore())
      before += PYTHON_TAG
      fences.see(PYTHON_TAG)
    } else if (ENDS.has(control)) {
      text.interrupt()
    } else {
      parts.push(...releaseBefore(), ...write(control))
    }
    return parts
  }

  return {
    push: (piece: Piece) => (typeof piece === 'string' ? read(piece) : readControl(piece.control)),
    end() {
      const parts = release()
      // Separators after the last call separate nothing.
      if (!(separating && /^[\s;,]*$/.test(before))) parts.push(...releaseBefore())
      return [...parts, ...text.end()]
    },
  }
}

/** undefined: no call, or none that may run. */
function readCall(source: string, tools: ChatTool[] | undefined): ToolCall | undefined {
  const object = parseObject(source)
  if (!object || Object.keys(object).some((key) => !KEYS.includes(key))) return undefined
  const input = object.parameters ?? object.arguments
  const parsed = typeof input === 'string' ? parseObject(input) : input
  if (typeof object.name !== 'string' || !isObject(parsed)) return undefined
  return toCall(object.name, parsed, tools)
}

/** undefined: no JSON object. Most need no mending, so that comes second. */
function parseObject(source: string): JsonObject | undefined {
  const value = parseJson(source) ?? parseJson(escapeControls(source))
  return isObject(value) ? value : undefined
}

function parseJson(source: string): JsonValue | undefined {
  try {
    return JSON.parse(source)
  } catch {
    return undefined // Unreadable is an answer here: what cannot be read is text.
  }
}

/** Models write line feeds into strings as they are, which JSON forbids and which can mean one thing only. */
function escapeControls(source: string): string {
  return source.replace(/"[^"\\]*(?:\\[\s\S][^"\\]*)*"/g, (string) =>
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    string.replace(/[\u0000-\u001f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`),
  )
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Follows backticks through the text: inside a fence, and right after a backtick, braces are code. */
function fenceWatch() {
  let ticks = 0
  let fenced = false
  const step = (char: string) => {
    if (char === '`') {
      ticks += 1
      if (ticks === 3) fenced = !fenced
    } else {
      ticks = 0
    }
  }
  return {
    see(text: string) {
      for (const char of text) step(char)
    },
    /** Where the next object may begin, the text's length if nowhere. */
    findOpening(source: string, from: number): number {
      const saved = { ticks, fenced }
      let at = from
      for (; at < source.length; at += 1) {
        const char = source[at] as string
        if (char === '{' && !fenced && ticks === 0) break
        step(char)
      }
      // The text up to here is seen again when it is written.
      ticks = saved.ticks
      fenced = saved.fenced
      return at
    },
  }
}
