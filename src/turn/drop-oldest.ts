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
  const systems = [...messages.keys()].filter((i) => messages[i]?.role === 'system')
  const keep = (cut: number, end: number) => ({ ...chat, messages: kept(messages, systems, cuts[cut], end) })
  const fits = (cut: number, end: number, most: number) => count(keep(cut, end)) <= most
  const last = ends.length - 1
  // What always stays may be too long already: that is not to be found out request by request.
  if (!fits(cuts.length - 1, ends[last] as number, window - 1)) return undefined
  let cut = -1
  for (let asked = 0; asked <= last; asked++) {
    asked = firstFrom(asked, last + 1, (i) => !fits(cut, ends[i] as number, window - 1))
    if (asked > last) break
    const end = ends[asked] as number
    const beyond = firstFrom(cut + 1, cuts.length, (i) => (cuts[i] as Cut).at > end)
    const next = firstFrom(cut + 1, beyond, (i) => fits(i, end, Math.floor(window * KEPT_SHARE)))
    cut = Math.max(cut, Math.min(next, beyond - 1))
    if (asked === last && !fits(cut, end, window - 1)) return undefined
  }
  return keep(cut, ends[last] as number)
}

/** Without a walk over what is dropped: in a long chat that is nearly all. `systems`: the places of system messages. */
function kept(messages: ChatMessage[], systems: number[], cut: Cut | undefined, end: number): ChatMessage[] {
  if (!cut) return messages.slice(0, end + 1)
  const { at, head } = cut
  const before = systems.slice(
    0,
    firstFrom(0, systems.length, (i) => (systems[i] as number) >= at),
  )
  if (head < at) before.push(head)
  const first = before.sort((one, other) => one - other).map((i) => messages[i] as ChatMessage)
  return [...first, ...messages.slice(at, end + 1)]
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
