/** Merges pairs until none is left: the lowest rank first, of equal ranks the leftmost. */
import { type Merges, rankOf } from './merges.js'

// Below this many symbols a plain scan for the best pair beats the queue.
const SCAN_LENGTH = 48
const NONE = 0x7fffffff

const ranks = new Int32Array(SCAN_LENGTH)

/** Merges the first `count` of `symbols` in place. Returns how many are left. */
export function mergeSymbols(symbols: Int32Array, count: number, merges: Merges): number {
  return count <= SCAN_LENGTH ? scanMerge(symbols, count, merges) : queueMerge(symbols, count, merges)
}

function scanMerge(symbols: Int32Array, length: number, merges: Merges): number {
  let count = length
  for (let i = 0; i + 1 < count; i += 1) ranks[i] = rankOrNone(merges, symbols[i] as number, symbols[i + 1] as number)
  for (;;) {
    let best = NONE
    let at = 0
    for (let i = 0; i + 1 < count; i += 1) {
      const rank = ranks[i] as number
      if (rank < best) {
        best = rank
        at = i
      }
    }
    if (best === NONE) return count
    symbols[at] = merges.triples[best * 3 + 2] as number
    count -= 1
    for (let i = at + 1; i < count; i += 1) {
      symbols[i] = symbols[i + 1] as number
      ranks[i] = ranks[i + 1] as number
    }
    if (at + 1 < count) ranks[at] = rankOrNone(merges, symbols[at] as number, symbols[at + 1] as number)
    if (at > 0) ranks[at - 1] = rankOrNone(merges, symbols[at - 1] as number, symbols[at] as number)
  }
}

function rankOrNone(merges: Merges, left: number, right: number): number {
  const rank = rankOf(merges, left, right)
  return rank < 0 ? NONE : rank
}

/** With a linked list and a queue of candidates; stale candidates are recognised by their pair. */
function queueMerge(symbols: Int32Array, count: number, merges: Merges): number {
  const next = new Int32Array(count)
  const previous = new Int32Array(count)
  const queue = makeQueue(count)
  const offer = (at: number) => {
    const rank = rankOf(merges, symbols[at] as number, symbols[next[at] as number] as number)
    if (rank >= 0) queue.push(rank, at)
  }
  for (let i = 0; i < count; i += 1) {
    next[i] = i + 1 < count ? i + 1 : -1
    previous[i] = i - 1
  }
  for (let i = 0; i + 1 < count; i += 1) offer(i)
  while (queue.pop()) {
    const { rank, at } = queue
    const right = next[at] as number
    // A symbol that was merged into its left neighbour is -1.
    if (right < 0 || symbols[at] !== merges.triples[rank * 3] || symbols[right] !== merges.triples[rank * 3 + 1])
      continue
    symbols[at] = merges.triples[rank * 3 + 2] as number
    symbols[right] = -1
    const after = next[right] as number
    next[at] = after
    if (after >= 0) previous[after] = at
    if ((previous[at] as number) >= 0) offer(previous[at] as number)
    if (after >= 0) offer(at)
  }
  let kept = 0
  for (let i = 0; i < count; i += 1) if ((symbols[i] as number) >= 0) symbols[kept++] = symbols[i] as number
  return kept
}

interface Queue {
  /** What the last successful `pop` removed. */
  rank: number
  at: number
  push(rank: number, at: number): void
  pop(): boolean
}

const POSITIONS = 2 ** 31

/** A binary heap of numbers: rank and position in one, so that comparing is one comparison. */
function makeQueue(room: number): Queue {
  let heap = new Float64Array(room)
  let size = 0
  const queue: Queue = {
    rank: 0,
    at: 0,
    push(rank, at) {
      if (size === heap.length) {
        const grown = new Float64Array(size * 2)
        grown.set(heap)
        heap = grown
      }
      const key = rank * POSITIONS + at
      let child = size++
      while (child > 0) {
        const parent = (child - 1) >> 1
        if ((heap[parent] as number) <= key) break
        heap[child] = heap[parent] as number
        child = parent
      }
      heap[child] = key
    },
    pop() {
      if (size === 0) return false
      const top = heap[0] as number
      size -= 1
      const key = heap[size] as number
      let parent = 0
      for (;;) {
        let child = parent * 2 + 1
        if (child >= size) break
        if (child + 1 < size && (heap[child + 1] as number) < (heap[child] as number)) child += 1
        if ((heap[child] as number) >= key) break
        heap[parent] = heap[child] as number
        parent = child
      }
      heap[parent] = key
      queue.rank = Math.floor(top / POSITIONS)
      queue.at = top % POSITIONS
      return true
    },
  }
  return queue
}
