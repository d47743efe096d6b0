/** Tokens by id and ids by token, in a few typed arrays: a Map of a quarter million strings costs far more. */

export interface Vocabulary {
  /** The UTF-8 of all tokens, one after another. */
  readonly bytes: Uint8Array
  /** By id, two each: where its token begins and ends in `bytes`; -1 if there is none. */
  readonly spans: Int32Array
  /** An open hash table, two each: the hash of a token and its id + 1; 0 if free. */
  readonly slots: Int32Array
  /** How many tokens there are. */
  readonly count: number
}

export interface VocabularyBuilder {
  /** Of two entries of one token the later counts. `hash`: the hash of the bytes. */
  add(token: Uint8Array, length: number, hash: number, id: number): void
  finish(): Vocabulary
}

/** Start of a hash; continue it byte by byte with `hashByte`. */
export const HASH_START = 0x811c9dc5 | 0

export function hashByte(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193)
}

/** The id of a token given as UTF-8, or -1. */
export function findToken(vocabulary: Vocabulary, token: Uint8Array, start: number, end: number): number {
  let hash = HASH_START
  for (let i = start; i < end; i += 1) hash = hashByte(hash, token[i] as number)
  const { slots, spans, bytes } = vocabulary
  return (slots[slotOf(slots, spans, bytes, token, start, end, hash) + 1] as number) - 1
}

/** The id of a token with this hash, almost always the only one; or -1. */
export function probe({ slots }: Vocabulary, hash: number): number {
  const mask = slots.length - 2
  for (let at = firstSlot(hash) & mask; ; at = (at + 2) & mask) {
    const id = (slots[at + 1] as number) - 1
    if (id < 0 || slots[at] === hash) return id
  }
}

/** Whether this is the token of that id, which need not exist. */
export function isToken(
  { spans, bytes }: Vocabulary,
  id: number,
  token: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (id < 0 || id * 2 >= spans.length) return false
  return isAt(bytes, spans[id * 2] as number, spans[id * 2 + 1] as number, token, start, end)
}

/** The UTF-8 of a token as text, or undefined. */
export function tokenText({ bytes, spans }: Vocabulary, id: number): string | undefined {
  const start = spans[id * 2] ?? -1
  if (start < 0) return undefined
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8', start, spans[id * 2 + 1])
}

/** Everything here grows. `expected`: about how many tokens will be added. */
export function buildVocabulary(expected: number): VocabularyBuilder {
  let bytes = new Uint8Array(64 + expected * 8)
  let used = 0
  let spans = new Int32Array(64 + expected * 2).fill(-1)
  let slots = new Int32Array(2 ** Math.ceil(Math.log2(64 + expected * 4)))
  let count = 0
  let size = 0

  return {
    add(token, length, hash, id) {
      const known = slotOf(slots, spans, bytes, token, 0, length, hash)
      if (slots[known + 1] !== 0)
        spans.fill(-1, ((slots[known + 1] as number) - 1) * 2, (slots[known + 1] as number) * 2)
      else count += 1
      slots[known] = hash
      slots[known + 1] = id + 1
      if (used + length > bytes.length) bytes = grown(bytes, new Uint8Array((used + length) * 2))
      for (let i = 0; i < length; i += 1) bytes[used + i] = token[i] as number
      size = Math.max(size, id + 1)
      if (size * 2 > spans.length) spans = grown(spans, new Int32Array(size * 4).fill(-1, spans.length))
      spans[id * 2] = used
      used += length
      spans[id * 2 + 1] = used
      if (count * 4 > slots.length) slots = rehash(slots)
    },
    finish: () => ({ bytes: bytes.slice(0, used), spans: spans.slice(0, size * 2), slots, count }),
  }
}

/** The vocabulary of tokens whose ids are their places in a list. */
export function listVocabulary(tokens: Iterable<string>, count: number): Vocabulary {
  const builder = buildVocabulary(count)
  let id = 0
  for (const token of tokens) {
    const bytes = Buffer.from(token)
    let hash = HASH_START
    for (const byte of bytes) hash = hashByte(hash, byte)
    builder.add(bytes, bytes.length, hash, id)
    id += 1
  }
  return builder.finish()
}

/** The token's slot in the table, or the free slot for it. */
function slotOf(
  slots: Int32Array,
  spans: Int32Array,
  bytes: Uint8Array,
  token: Uint8Array,
  start: number,
  end: number,
  hash: number,
): number {
  const mask = slots.length - 2
  for (let at = firstSlot(hash) & mask; ; at = (at + 2) & mask) {
    const id = (slots[at + 1] as number) - 1
    if (id < 0) return at
    if (slots[at] === hash && isAt(bytes, spans[id * 2] as number, spans[id * 2 + 1] as number, token, start, end))
      return at
  }
}

function firstSlot(hash: number): number {
  return (hash ^ (hash >>> 15)) << 1
}

function isAt(bytes: Uint8Array, from: number, to: number, token: Uint8Array, start: number, end: number): boolean {
  if (to - from !== end - start) return false
  for (let i = start, j = from; i < end; i += 1, j += 1) if (bytes[j] !== token[i]) return false
  return true
}

function rehash(slots: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(slots.length * 2)
  const mask = larger.length - 2
  for (let i = 0; i < slots.length; i += 2) {
    if (slots[i + 1] === 0) continue
    let at = firstSlot(slots[i] as number) & mask
    while (larger[at + 1] !== 0) at = (at + 2) & mask
    larger[at] = slots[i] as number
    larger[at + 1] = slots[i + 1] as number
  }
  return larger
}

function grown<T extends Uint8Array | Int32Array>(from: T, to: T): T {
  to.set(from)
  return to
}
