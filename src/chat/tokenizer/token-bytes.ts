/** The bytes that a token adds to a text, as its decoder writes it in the middle of one. */
import { BYTE_OF_CODE } from './byte-level.js'
import type { Step } from './file.js'

type Spelled = string | Uint8Array

const encoder = new TextEncoder()

/** `step`: the file's decoder. Steps that only look at the beginning of a text change nothing. */
export function tokenBytes(step: Step | null | undefined): (token: string) => Uint8Array {
  const change = step ? changeOf(step) : (token: string) => ` ${token}`
  return (token) => {
    const spelled = change(token)
    return typeof spelled === 'string' ? encoder.encode(spelled) : spelled
  }
}

function changeOf(step: Step): (token: string) => Spelled {
  switch (step.type) {
    case 'Sequence': {
      const changes = ((step.decoders ?? []) as Step[]).map(changeOf)
      return (token) => {
        let spelled: Spelled = token
        for (const change of changes) if (typeof spelled === 'string') spelled = change(spelled)
        return spelled
      }
    }
    case 'Replace': {
      const { String: plain } = (step.pattern ?? {}) as { String?: string }
      const content = String(step.content ?? '')
      return plain ? (token) => token.replaceAll(plain, () => content) : (token) => token
    }
    case 'Metaspace': {
      const mark = String(step.replacement ?? '▁')
      return (token) => token.replaceAll(mark, ' ')
    }
    case 'ByteFallback':
      return (token) => {
        const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1]
        return byte === undefined ? token : Uint8Array.of(Number.parseInt(byte, 16))
      }
    case 'ByteLevel':
      return byteLevel
    default:
      return (token) => token
  }
}

/** A token with a character that stands for no byte stands for itself. */
function byteLevel(token: string): Spelled {
  const bytes = new Uint8Array(token.length)
  for (let i = 0; i < token.length; i += 1) {
    const byte = BYTE_OF_CODE[token.charCodeAt(i)]
    if (byte === undefined) return token
    bytes[i] = byte
  }
  return bytes
}
