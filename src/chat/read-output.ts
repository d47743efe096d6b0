/** Raw generated text to parts, without a server: for tests, logs and bug reports. */
import { TetherError } from '../errors.js'
import { FORMATS } from './families.js'
import type { ChatTool, JsonObject, Part, Piece, ReadEnd } from './types.js'

/** A tool as Anthropic's API writes it. */
export interface ApiTool {
  name: string
  description?: string
  input_schema: JsonObject
}

export interface ReadOutputOptions {
  /** `gemma4`, `gemma3`, `gemma2`, `llama3`, `llama2`, `mistral`; `taught` for any other model. */
  family: string
  /** The tools that may be called, as here or as Anthropic's API writes them. Unset: every name may be. */
  tools?: (ChatTool | ApiTool)[]
  /** Why the text ended. Default `length`: a call that was not closed is text. */
  finish?: ReadEnd
}

/**
 * The parts of what a model wrote, in order; neighbouring texts are one part. Control tokens may be given as such,
 * `{ control: '<|tool_call>' }`; in plain strings the family's markers are recognised as they are written.
 *
 * @example
 * readOutput(['<|tool_call>call:Bash{command:<|"|>ls<|"|>}<tool_call|>'], { family: 'gemma4' })
 * // [{ type: 'tool_call', name: 'Bash', input: { command: 'ls' } }]
 */
export function readOutput(chunks: Iterable<Piece>, options: ReadOutputOptions): Part[] {
  const format = Object.hasOwn(FORMATS, options.family) ? FORMATS[options.family] : undefined
  if (!format) {
    const known = Object.keys(FORMATS).join(', ')
    throw new TetherError('unsupported_model', `unknown family "${options.family}". Use one of: ${known}`)
  }
  const reader = format.reader({ tools: options.tools?.map(toChatTool) })
  const parts: Part[] = []
  for (const piece of findMarkers(chunks, format.markers)) {
    for (const part of reader.push(piece)) addPart(parts, part)
  }
  for (const part of reader.end(options.finish ?? 'length')) addPart(parts, part)
  return parts
}

function toChatTool(tool: ChatTool | ApiTool): ChatTool {
  if (!('input_schema' in tool)) return tool
  return { name: tool.name, description: tool.description ?? '', schema: tool.input_schema }
}

/** A marker may be cut between two strings, so neighbouring strings are joined. */
function* findMarkers(chunks: Iterable<Piece>, markers: string[]): Generator<Piece> {
  if (markers.length === 0) return yield* chunks
  const escaped = markers.map((marker) => marker.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
  const pattern = new RegExp(`(${escaped.join('|')})`)
  const split = (text: string): Piece[] => text.split(pattern).map((part, i) => (i % 2 ? { control: part } : part))
  let run: string[] = []
  for (const chunk of chunks) {
    if (typeof chunk === 'string') {
      run.push(chunk)
      continue
    }
    yield* split(run.join(''))
    yield chunk
    run = []
  }
  yield* split(run.join(''))
}

function addPart(parts: Part[], part: Part): void {
  const last = parts.at(-1)
  if (last && last.type !== 'tool_call' && last.type === part.type) last.text += part.text
  else parts.push({ ...part })
}
