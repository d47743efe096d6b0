/**
 * Makes a chat fit the window by dropping its oldest turns.
 *
 * The cut depends only on the messages, and stays where it is when the chat grows: the requests that a client made on its
 * way are replayed, and each that was too long moves the cut. So the turns after a cut keep their prefix until the window
 * overflows again.
 *
 * A cut is before a user message, or before an answer in the middle of a turn, whose user message is then kept. A call and
 * its result are never separated, and system messages stay.
 */
import type { Chat, ChatMessage } from '../chat/types.js'

/** The oldest messages and their tokens, dropped because the prompt did not fit the window. Neighbours of one role count as one. */
export interface Dropped {
  messages: number
  tokens: number
}

/** Where a chat can be cut: it continues with the message at `at`, after the user message at `head` (which may be the same). */
interface Cut {
  at: number
  head: number
}

/** The share of the window that a cut leaves filled at most, so that the next turns have room. */
const KEPT_SHARE = 0.75

/**
 * `chat` must be too long. `count`: the length in tokens of a chat's prompt.
 * -> undefined if not even the last turn fits
 */
export function dropOldest(chat: Chat, window: number, count: (chat: Chat) => number): Chat | undefined {
  const { messages } = chat
  const cuts = findCuts(messages)
  const ends = findEnds(messages)
  const keep = (cut: number, end: number) => ({ ...chat, messages: kept(messages, cuts[cut], end) })
  const fits = (cut: number, end: number, most: number) => count(keep(cut, end)) <= most
  const last = ends.length - 1
  let cut = -1
  for (let asked = 0; asked <= last; asked++) {
    asked = firstFrom(asked, last + 1, (i) => !fits(cut, ends[i] as number, window - 1))
    if (asked > last) break
    const end = ends[asked] as number
    const beyond = cuts.filter(({ at }) => at <= end).length
    const next = firstFrom(cut + 1, beyond, (i) => fits(i, end, Math.floor(window * KEPT_SHARE)))
    cut = Math.max(cut, Math.min(next, beyond - 1))
    if (asked === last && !fits(cut, end, window - 1)) return undefined
  }
  return keep(cut, ends[last] as number)
}

function kept(messages: ChatMessage[], cut: Cut | undefined, end: number): ChatMessage[] {
  const upTo = messages.slice(0, end + 1)
  if (!cut) return upTo
  return upTo.filter(({ role }, i) => role === 'system' || i === cut.head || i >= cut.at)
}

function findCuts(messages: ChatMessage[]): Cut[] {
  const cuts: Cut[] = []
  let head: number | undefined
  // Messages since the head, or since the beginning: a cut has to drop something.
  let since = 0
  for (const [at, { role, parts }] of messages.entries()) {
    if (role === 'system') continue
    if (role === 'user' && !parts.some((part) => part.type === 'tool_result')) {
      if (head !== undefined || since > 0) cuts.push({ at, head: at })
      head = at
      since = 0
      continue
    }
    if (role === 'assistant' && head !== undefined && since > 0) cuts.push({ at, head })
    since++
  }
  return cuts
}

/** The last message of each request that the client made so far: an answer follows it, or nothing. */
function findEnds(messages: ChatMessage[]): number[] {
  const isEnd = (i: number) =>
    i === messages.length - 1 || (messages[i]?.role !== 'assistant' && messages[i + 1]?.role === 'assistant')
  return [...messages.keys()].filter(isEnd)
}

/** The first number from `from` on that `holds`, which then holds for all after it; `end` if there is none. */
function firstFrom(from: number, end: number, holds: (i: number) => boolean): number {
  // In growing steps first, so that few chats are counted.
  let low = from
  let high = end
  for (let step = 1; low < high; step *= 2) {
    const at = Math.min(low + step - 1, high - 1)
    if (holds(at)) {
      high = at
      break
    }
    low = at + 1
  }
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}
