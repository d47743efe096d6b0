/** Byte-level BPE's alphabet: one printable character for each byte (GPT-2's table). */

const CHARS: string[] = []
const BYTES = new Map<string, number>()

let spare = 256
for (let byte = 0; byte < 256; byte++) {
  const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
  const char = String.fromCharCode(printable ? byte : spare++)
  CHARS.push(char)
  BYTES.set(char, byte)
}

const utf8 = new TextEncoder()

export function bytesToChars(text: string): string {
  let out = ''
  for (const byte of utf8.encode(text)) out += CHARS[byte]
  return out
}

/** A token's bytes; one that has other characters (an added token) stands for itself. */
export function charsToBytes(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length)
  for (let i = 0; i < token.length; i++) {
    const byte = BYTES.get(token[i] as string)
    if (byte === undefined) return utf8.encode(token)
    bytes[i] = byte
  }
  return bytes
}
