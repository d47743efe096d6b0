/** A tokenizer's tables as one block of bytes that is read back without parsing. */
// Not by its name: a Node without crc32 could not even link the library, which says which Node it needs.
import zlib from 'node:zlib'
import type { Tables } from './tables.js'

export interface Saved {
  tables: Tables
  /** tokenizer.json without its vocabulary and merges. */
  rest: string
}

/** Increment it when the tables, their content or the choice of control tokens changes. */
export const FORMAT = 1

// In the other byte order it is a different number.
const MAGIC = 0x74746b31
/** Int32 each: magic, format, checksum of all that follows it, then the sizes below. */
const HEADER = 16
const CHECKED = 3

/** Sizes in Int32, in the order in which they are written; bytes are padded to whole Int32. */
interface Sizes {
  spans: number
  slots: number
  count: number
  triples: number
  mergeSlots: number
  rankMask: number
  joints: number
  /** In bytes. */
  vocabulary: number
  /** In bytes. */
  rest: number
}

/** The block holds its key, too. `key`: 32 bytes. */
export function pack({ tables: { vocabulary, merges, joints }, rest }: Saved, key: Uint8Array): Uint8Array {
  const text = Buffer.from(rest)
  const sizes: Sizes = {
    spans: vocabulary.spans.length,
    slots: vocabulary.slots.length,
    count: vocabulary.count,
    triples: merges.triples.length,
    mergeSlots: merges.slots.length,
    rankMask: merges.rankMask,
    joints: joints?.length ?? 0,
    vocabulary: vocabulary.bytes.length,
    rest: text.length,
  }
  const block = new Int32Array(lengthOf(sizes))
  block.set([MAGIC, FORMAT, 0, ...Object.values(sizes)])
  const bytes = new Uint8Array(block.buffer)
  bytes.set(key, HEADER * 4)
  let at = HEADER + 8
  for (const part of [vocabulary.spans, vocabulary.slots, merges.triples, merges.slots, joints ?? []]) {
    block.set(part, at)
    at += part.length
  }
  bytes.set(vocabulary.bytes, at * 4)
  bytes.set(text, at * 4 + whole(vocabulary.bytes.length) * 4)
  block[2] = zlib.crc32(bytes.subarray(CHECKED * 4)) | 0
  return bytes
}

/** undefined: the block is damaged, or has another format or key. */
export function unpack(block: Int32Array<ArrayBuffer>, key: Uint8Array): Saved | undefined {
  if (block.length < HEADER + 8 || block[0] !== MAGIC || block[1] !== FORMAT) return undefined
  const [spans, slots, count, triples, mergeSlots, rankMask, joints, vocabulary, rest] = block.subarray(CHECKED)
  const sizes = { spans, slots, count, triples, mergeSlots, rankMask, joints, vocabulary, rest } as Sizes
  const bytes = new Uint8Array(block.buffer)
  if (lengthOf(sizes) !== block.length || Buffer.compare(bytes.subarray(HEADER * 4, HEADER * 4 + 32), key) !== 0) {
    return undefined
  }
  if ((zlib.crc32(bytes.subarray(CHECKED * 4)) | 0) !== block[2]) return undefined

  let at = HEADER + 8
  const take = (size: number) => {
    at += size
    return block.subarray(at - size, at)
  }
  const tables: Tables = {
    vocabulary: { spans: take(sizes.spans), slots: take(sizes.slots), count: sizes.count, bytes },
    merges: { triples: take(sizes.triples), slots: take(sizes.mergeSlots), rankMask: sizes.rankMask },
    joints: sizes.joints === 0 ? undefined : new Uint32Array(block.buffer, at * 4, sizes.joints),
  }
  at = (at + sizes.joints) * 4
  tables.vocabulary = { ...tables.vocabulary, bytes: bytes.subarray(at, at + sizes.vocabulary) }
  at += whole(sizes.vocabulary) * 4
  return { tables, rest: Buffer.from(block.buffer, at, sizes.rest).toString('utf8') }
}

/** In Int32, including the key's eight. */
function lengthOf({ spans, slots, triples, mergeSlots, joints, vocabulary, rest }: Sizes): number {
  return HEADER + 8 + spans + slots + triples + mergeSlots + joints + whole(vocabulary) + whole(rest)
}

function whole(bytes: number): number {
  return Math.ceil(bytes / 4)
}
