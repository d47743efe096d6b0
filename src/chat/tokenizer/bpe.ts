/** Byte-pair encoding: one word to token ids, by Hugging Face's rules and in n log n. */
import type { BpeEntry, Fail } from './file.js'

interface Bpe {
  /** Adds the word's ids to `out`. */
  encode(word: string, out: number[]): void
}

const CACHE_ENTRIES = 50_000
const CACHE_LENGTH = 48
// Below this many symbols a plain scan for the best pair beats the queue.
const SCAN_LENGTH = 16

/**
 * `closed`: tokens that no text may turn into, whatever the merges say.
 * Words that were seen before come from a bounded cache.
 */
export function makeBpe(model: BpeEntry, vocab: Map<string, number>, closed: Set<number>, fail: Fail): Bpe {
  const merges = readMerges(model.merges, vocab, closed, fail)
  const toSymbols = readSymbols(model, vocab, closed, fail)
  const ignoreMerges = model.ignore_merges === true
  let cache = new Map<string, number[]>()

  return {
    encode(word, out) {
      const short = word.length <= CACHE_LENGTH
      const known = short ? cache.get(word) : undefined
      if (known) {
        for (const id of known) out.push(id)
        return
      }
      const whole = ignoreMerges ? vocab.get(word) : undefined
      const start = out.length
      if (whole !== undefined && !closed.has(whole)) out.push(whole)
      else merge(toSymbols(word), merges, out)
      if (!short) return
      if (cache.size >= CACHE_ENTRIES) cache = new Map()
      cache.set(word, out.slice(start))
    },
  }
}

/** Characters to the ids that merging starts from: known ones, else their bytes, else one unk for a run of them. */
function readSymbols(
  model: BpeEntry,
  vocab: Map<string, number>,
  closed: Set<number>,
  fail: Fail,
): (word: string) => Int32Array {
  const known = new Map<number, number>()
  for (const [token, id] of vocab) {
    const code = token.codePointAt(0)
    const single = code !== undefined && token.length === (code > 0xffff ? 2 : 1)
    if (single && !closed.has(id)) known.set(code, id)
  }
  const bytes = model.byte_fallback ? readByteTokens(vocab) : undefined
  const unknown = model.unk_token ? vocab.get(model.unk_token) : undefined
  if (model.unk_token && unknown === undefined) return fail(`has no ${model.unk_token} in its vocabulary`)
  const fuse = model.fuse_unk === true
  const encoder = new TextEncoder()

  return (word) => {
    // A character that is not known takes up to four byte tokens; a word of them is rare, so this is grown on demand.
    let ids = new Int32Array(word.length + 4)
    let count = 0
    let pending = false
    const push = (id: number) => {
      if (count === ids.length) {
        const grown = new Int32Array(count * 2)
        grown.set(ids)
        ids = grown
      }
      ids[count++] = id
    }
    for (let i = 0; i < word.length; i += 1) {
      const code = word.codePointAt(i) as number
      if (code > 0xffff) i += 1
      const id = known.get(code)
      if (id !== undefined) {
        if (pending) push(unknown as number)
        pending = false
        push(id)
        continue
      }
      const fallback = bytes && Array.from(encoder.encode(String.fromCodePoint(code)), (byte) => bytes[byte])
      if (fallback?.every((byte) => byte !== undefined)) {
        for (const byte of fallback) push(byte as number)
        continue
      }
      if (unknown === undefined) continue
      if (pending && !fuse) push(unknown)
      pending = true
    }
    if (pending) push(unknown as number)
    return ids.subarray(0, count)
  }
}

function readByteTokens(vocab: Map<string, number>): (number | undefined)[] {
  return Array.from({ length: 256 }, (_, byte) => vocab.get(byteToken(byte)))
}

function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`
}

/** Pairs of ids to the rank of their merge, as an open hash table: a Map of half a million pairs costs far more. */
interface Merges {
  mask: number
  /** Slots of three: left, right, rank + 1 (0: free). */
  slots: Int32Array
  /** By rank. */
  left: Int32Array
  right: Int32Array
  result: Int32Array
}

function readMerges(entries: BpeEntry['merges'], vocab: Map<string, number>, closed: Set<number>, fail: Fail): Merges {
  let size = 16
  while (size < entries.length * 2) size *= 2
  const merges: Merges = {
    mask: size - 1,
    slots: new Int32Array(size * 3),
    left: new Int32Array(entries.length),
    right: new Int32Array(entries.length),
    result: new Int32Array(entries.length),
  }
  for (const [rank, entry] of entries.entries()) {
    const [first, second] = typeof entry === 'string' ? splitMerge(entry) : entry
    const left = vocab.get(first)
    const right = vocab.get(second)
    const result = vocab.get(first + second)
    if (left === undefined || right === undefined || result === undefined) {
      return fail(`has a merge whose tokens are not in the vocabulary: ${JSON.stringify(entry)}`)
    }
    merges.left[rank] = left
    merges.right[rank] = right
    merges.result[rank] = result
    if (!closed.has(result)) insert(merges, left, right, rank)
  }
  return merges
}

function splitMerge(entry: string): [string, string] {
  const space = entry.indexOf(' ')
  return [entry.slice(0, space), entry.slice(space + 1)]
}

function slotOf({ slots, mask }: Merges, left: number, right: number): number {
  let at = (Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)) >>> 0
  for (at = (at ^ (at >>> 15)) & mask; ; at = (at + 1) & mask) {
    const slot = at * 3
    if (slots[slot + 2] === 0 || (slots[slot] === left && slots[slot + 1] === right)) return slot
  }
}

/** Of two merges of one pair the later one counts, as in the reference. */
function insert(merges: Merges, left: number, right: number, rank: number): void {
  const slot = slotOf(merges, left, right)
  merges.slots[slot] = left
  merges.slots[slot + 1] = right
  merges.slots[slot + 2] = rank + 1
}

/** The rank of a pair, -1 without one. */
function rankOf(merges: Merges, left: number, right: number): number {
  return (merges.slots[slotOf(merges, left, right) + 2] as number) - 1
}

/** Merges pairs, the lowest rank first and of equals the leftmost, until none is left. */
function merge(symbols: Int32Array, merges: Merges, out: number[]): void {
  const left = symbols.length <= SCAN_LENGTH ? scanMerge(symbols, merges) : queueMerge(symbols, merges)
  for (let i = 0; i < left; i += 1) out.push(symbols[i] as number)
}

/** Works in `symbols`; returns how many are left. */
function scanMerge(symbols: Int32Array, merges: Merges): number {
  let count = symbols.length
  for (;;) {
    let best = -1
    let at = -1
    for (let i = 0; i + 1 < count; i += 1) {
      const rank = rankOf(merges, symbols[i] as number, symbols[i + 1] as number)
      if (rank >= 0 && (at < 0 || rank < best)) {
        best = rank
        at = i
      }
    }
    if (at < 0) return count
    symbols[at] = merges.result[best] as number
    symbols.copyWithin(at + 1, at + 2, count)
    count -= 1
  }
}

/** The same with a linked list and a queue of candidates; stale candidates are recognised by their pair. */
function queueMerge(symbols: Int32Array, merges: Merges): number {
  const count = symbols.length
  const next = new Int32Array(count)
  const previous = new Int32Array(count)
  const queue = makeQueue(count * 2)
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
    // A symbol that went into its left neighbour is -1.
    if (right < 0 || symbols[at] !== merges.left[rank] || symbols[right] !== merges.right[rank]) continue
    symbols[at] = merges.result[rank] as number
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
  /** What the last successful `pop` took out. */
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
