/** The states of a reader of bare calls in code, which is text even if it looks like a call. */
import type { Place } from '../place.js'
import { type Bare, type Code, type CodeFence, heldText, PROSE, type State, type Ticks } from './state.js'

export function readCode({ out }: Bare, state: Code, place: Place): State {
  const { source, at } = place
  if (source[at] === '`') return beginTicks(state, place)
  const rest = /[^`\n]*\n?/y
  rest.lastIndex = at
  rest.test(source)
  place.at = rest.lastIndex
  out.text(source.slice(at, place.at))
  return source[place.at - 1] === '\n' ? PROSE : state
}

export function readCodeFence({ out }: Bare, state: CodeFence, place: Place): State {
  const { source, at, end } = place
  if (source[at] === '`') return beginTicks(state, place)
  const tick = source.indexOf('`', at)
  place.at = tick < 0 ? end : tick
  out.text(source.slice(at, place.at))
  return state
}

function beginTicks(within: Code | CodeFence, place: Place): Ticks {
  place.at += 1
  return { at: 'ticks', count: 1, within }
}

export function readTicks(bare: Bare, state: Ticks, place: Place): State {
  if (place.source[place.at] !== '`') return endTicks(bare, state)
  state.count += 1
  place.at += 1
  return state
}

/** Three or more backticks in prose open a fence. All others are text, and may open or close code. */
function endTicks({ out }: Bare, state: Ticks): State {
  const { count, within } = state
  if (within.at === 'prose' && count >= 3) return { at: 'fence-head', ticks: count, written: '', name: '' }
  const atLineStart = out.atHeldLineStart()
  out.text(heldText(state))
  switch (within.at) {
    case 'prose':
      return { at: 'code', ticks: count }
    case 'code':
      return count === within.ticks ? PROSE : within
    default:
      return atLineStart && count >= within.ticks ? PROSE : within
  }
}
