/** What a Gemma 4 model writes, as parts. Control tokens decide, so text that merely looks like a marker stays text. */
import type { ChatTool, OutputReader, Part, Piece, ReadEnd } from '../types.js'
import { coerce } from './coerce.js'
import { type Call, parseCalls, QUOTE } from './gemma4-call.js'

/** Markers, as they are written in logs. */
export const GEMMA4_MARKERS = [
  '<|channel>',
  '<channel|>',
  '<|tool_call>',
  '<tool_call|>',
  '<|tool_response>',
  '<|"|>',
  '<turn|>',
  '<eos>',
]
/** Markers that mean nothing in an answer: ends of turns, and a second end of a call. */
const SWALLOWED = new Set(['<tool_call|>', '<|tool_response>', '<turn|>', '<eos>', '<channel|>'])

/** `tools`: what may be called; undefined lets every name pass. */
export function gemma4Reader(tools: ChatTool[] | undefined): OutputReader {
  const offered = tools && new Map(tools.map((tool) => [tool.name, tool]))
  let state: 'text' | 'channel name' | 'thinking' | 'call' = 'text'
  let held = '' // a channel's name, or a call's text

  /** A call that cannot be read, or whose tool was not offered, is what the model wrote. */
  const closeCall = (closer: string): Part[] => {
    const calls = parseCalls(held)
    const written = `<|tool_call>${held.replaceAll(QUOTE, '<|"|>')}${closer}`
    held = ''
    state = 'text'
    if (!calls || (offered && calls.some((call) => !offered.has(call.name)))) return [{ type: 'text', text: written }]
    return calls.map(({ name, input }: Call) => ({
      type: 'tool_call' as const,
      name,
      input: coerce(input, offered?.get(name)),
    }))
  }

  const control = (marker: string): Part[] => {
    if (state === 'call') {
      if (marker === '<|"|>') {
        held += QUOTE
        return []
      }
      if (marker === '<|tool_call>') {
        // A call that begins anew inside of one: the first was never closed.
        const text = `<|tool_call>${held.replaceAll(QUOTE, '<|"|>')}`
        held = ''
        return [{ type: 'text', text }]
      }
      if (SWALLOWED.has(marker)) return closeCall(marker === '<tool_call|>' ? marker : '')
      held += marker
      return []
    }
    if (marker === '<|tool_call>') {
      state = 'call'
      held = ''
      return []
    }
    if (marker === '<|channel>') {
      state = 'channel name'
      held = ''
      return []
    }
    if (marker === '<channel|>') {
      state = 'text'
      return []
    }
    if (SWALLOWED.has(marker)) return []
    return [{ type: state === 'thinking' ? 'thinking' : 'text', text: marker }]
  }

  const text = (written: string): Part[] => {
    if (state === 'call') {
      held += written
      return []
    }
    if (state === 'channel name') {
      held += written
      const end = held.indexOf('\n')
      if (end < 0) return []
      state = 'thinking'
      const rest = held.slice(end + 1)
      return rest ? [{ type: 'thinking', text: rest }] : []
    }
    return written ? [{ type: state === 'thinking' ? 'thinking' : 'text', text: written }] : []
  }

  return {
    push: (piece: Piece) => (typeof piece === 'string' ? text(piece) : control(piece.control)),
    end: (end: ReadEnd) => {
      if (state !== 'call') return []
      if (end === 'stop') return closeCall('')
      const written = `<|tool_call>${held.replaceAll(QUOTE, '<|"|>')}`
      held = ''
      state = 'text'
      return [{ type: 'text', text: written }]
    },
  }
}
