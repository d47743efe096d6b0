/** The states of a reader of bare calls in a fence that may contain calls, and then contains nothing else. */
import type { ToolCall } from '../call.js'
import { callScan } from '../call-scan.js'
import type { Place } from '../place.js'
import { readScannedCalls, readUnclosedCalls } from '../scanned-calls.js'
import { CALL_FENCES } from './forms.js'
import {
  type Bare,
  type FenceBody,
  type FenceCall,
  type FenceComment,
  type FenceHead,
  heldText,
  mayBeginWord,
  PROSE,
  type State,
} from './state.js'

export function readFenceHead(bare: Bare, state: FenceHead, place: Place): State {
  const { ticks, name } = state
  const char = place.source[place.at] as string
  if (char === '`') {
    bare.out.text(heldText(state))
    return { at: 'code', ticks }
  }
  if (char === '\n') return endFenceHead(bare, state, place)
  const longer = (name + char.toLowerCase()).trim()
  if (!bare.forms.fences.some((fence) => fence.startsWith(longer))) {
    bare.out.text(heldText(state))
    return { at: 'code-fence', ticks }
  }
  state.written += char
  if (longer !== name) state.name = state.written.trim().toLowerCase()
  place.at += 1
  return state
}

function endFenceHead({ forms, out }: Bare, state: FenceHead, place: Place): State {
  const { ticks, name } = state
  state.written += '\n'
  place.at += 1
  const written = heldText(state)
  if (forms.fences.includes(name)) {
    const fence = { ticks, forCalls: CALL_FENCES.includes(name), written, calls: [] }
    return { at: 'fence-body', fence, closing: 0 }
  }
  out.text(written)
  return { at: 'code-fence', ticks }
}

export function readFenceBody(bare: Bare, state: FenceBody, place: Place): State {
  const { fence } = state
  const char = place.source[place.at] as string
  if (char === '`') return readFenceEnd(bare, state, place)
  if (state.closing > 0) return asCode(bare, state)
  if (/[\s;,]/.test(char)) {
    fence.written += char
    place.at += 1
    return state
  }
  if (char === '#' && bare.forms.pythonic) return { at: 'fence-comment', fence }
  if (char === '{' || char === '[' || (mayBeginWord(bare, char) && (bare.tools !== undefined || fence.forCalls))) {
    return { at: 'fence-call', fence, written: '', scan: callScan(bare.shape), closing: undefined }
  }
  return asCode(bare, state)
}

function readFenceEnd({ out }: Bare, state: FenceBody, place: Place): State {
  const { fence } = state
  fence.written += '`'
  state.closing += 1
  place.at += 1
  if (state.closing < fence.ticks) return state
  if (fence.calls.length > 0) out.calls(fence.calls)
  else out.text(fence.written)
  return PROSE
}

export function readFenceComment({ fence }: FenceComment, place: Place): State {
  const line = /[^\n]*\n?/y
  line.lastIndex = place.at
  const written = line.exec(place.source)?.[0] ?? ''
  fence.written += written
  place.at += written.length
  return written.endsWith('\n') ? { at: 'fence-body', fence, closing: 0 } : { at: 'fence-comment', fence }
}

export function readFenceCall(bare: Bare, state: FenceCall, place: Place): State {
  const { scan, fence } = state
  const { source, at: from } = place
  const one = { source, at: from, end: from }
  while (place.at < place.end) {
    // The line that closes the fence ends the call, too, even within a string that was left open.
    if (!scan.inLongString()) {
      state.closing = closingTicks(state.closing, source[place.at] as string)
      if (state.closing === fence.ticks) {
        place.at += 1
        bare.out.text(fence.written + state.written + source.slice(from, place.at))
        return PROSE
      }
      // The line that closes the fence comes before the call's last brackets: they are missing.
      if (state.closing === 1 && !scan.inString()) {
        state.written += source.slice(from, place.at)
        const calls = readUnclosedCalls(state, bare.tools, { marked: fence.forCalls })
        return calls ? keepCalls(state, calls) : asCode(bare, state)
      }
    }
    one.end = place.at + 1
    const result = scan.push(one)
    place.at = one.at
    if (result === 'call') continue
    state.written += source.slice(from, place.at)
    return result === 'whole' ? endFenceCall(bare, state) : asCode(bare, state)
  }
  state.written += source.slice(from, place.at)
  return state
}

/** How many backticks the line consists of, with one more character; undefined if it contains something else. */
function closingTicks(before: number | undefined, char: string): number | undefined {
  if (char === '\n') return 0
  if (before === undefined) return undefined
  if (char === '`') return before + 1
  return char === ' ' ? 0 : undefined
}

function endFenceCall(bare: Bare, state: FenceCall): State {
  const { fence, scan, written } = state
  const calls = scan.isCall() ? readScannedCalls(written, bare.tools, { marked: fence.forCalls }) : undefined
  return calls ? keepCalls(state, calls) : asCode(bare, state)
}

function keepCalls({ fence, written }: FenceCall, calls: ToolCall[]): FenceBody {
  for (const call of calls) fence.calls.push(call)
  fence.written += written
  return { at: 'fence-body', fence, closing: 0 }
}

/** The fence contains something other than calls, so all of it is code. */
function asCode({ out }: Bare, state: FenceBody | FenceCall): State {
  out.text(heldText(state))
  return { at: 'code-fence', ticks: state.fence.ticks }
}
