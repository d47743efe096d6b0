/** A turn that the model generated, as bytes: what is found by its keys is read only once it is needed. */
import type { ChatPart, GeneratedTurn } from '../chat/types.js'

export interface TurnContent {
  parts: ChatPart[]
  generated: GeneratedTurn
}

/** The keys and the size of a turn in bytes, which are read at once. */
export interface StoredTurn {
  keys: string[]
  /** How many tokens it has. */
  length: number
  /** undefined if the bytes are no turn. */
  content(): TurnContent | undefined
}

/** The number of keys, of tokens, and whether the model might think. */
const headerBytes = 12

export function writeStoredTurn(keys: string[], { parts, generated }: TurnContent): Buffer {
  const header = Buffer.alloc(headerBytes)
  for (const [i, value] of [keys.length, generated.tokens.length, generated.thinking ? 1 : 0].entries()) {
    header.writeUInt32LE(value, 4 * i)
  }
  const tokens = Buffer.alloc(4 * generated.tokens.length)
  for (const [i, token] of generated.tokens.entries()) tokens.writeInt32LE(token, 4 * i)
  return Buffer.concat([
    header,
    ...keys.map((key) => Buffer.from(`${key}\n`)),
    tokens,
    Buffer.from(JSON.stringify(parts)),
  ])
}

/** undefined if the bytes do not begin as a turn does. */
export function readStoredTurn(bytes: Buffer): StoredTurn | undefined {
  if (bytes.length < headerBytes) return undefined
  const [count, length, thinking] = [0, 4, 8].map((at) => bytes.readUInt32LE(at)) as [number, number, number]
  const keys: string[] = []
  let at = headerBytes
  while (keys.length < count) {
    const end = bytes.indexOf('\n', at)
    if (end < 0) return undefined
    keys.push(bytes.toString('utf8', at, end))
    at = end + 1
  }
  if (count === 0 || at + 4 * length > bytes.length) return undefined
  let content: TurnContent | undefined
  return {
    keys,
    length,
    content: () => {
      content ??= contentOf(bytes.subarray(at), length, thinking === 1)
      return content
    },
  }
}

function contentOf(bytes: Buffer, length: number, thinking: boolean): TurnContent | undefined {
  const tokens = Int32Array.from({ length }, (_, i) => bytes.readInt32LE(4 * i))
  try {
    const parts: unknown = JSON.parse(bytes.toString('utf8', 4 * length))
    return Array.isArray(parts) ? { parts: parts as ChatPart[], generated: { tokens, thinking } } : undefined
  } catch {
    return undefined
  }
}
