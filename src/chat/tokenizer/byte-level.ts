/** Byte-level BPE's alphabet: every byte has one printable character. */

/** The character of a byte. Printable Latin-1 stands for itself, the rest follows from U+0100 on. */
const CHAR_OF_BYTE: string[] = makeAlphabet()

/** The byte of a character code, or undefined. */
export const BYTE_OF_CODE: (number | undefined)[] = []
for (const [byte, char] of CHAR_OF_BYTE.entries()) BYTE_OF_CODE[char.charCodeAt(0)] = byte

const encoder = new TextEncoder()

/** A text as the characters of its bytes. */
export function toByteLevel(text: string): string {
  let plain = true
  for (let i = 0; plain && i < text.length; i += 1) {
    const code = text.charCodeAt(i)
    plain = code > 32 && code < 127
  }
  if (plain) return text
  let out = ''
  for (const byte of encoder.encode(text)) out += CHAR_OF_BYTE[byte]
  return out
}

function makeAlphabet(): string[] {
  const alphabet: string[] = []
  let next = 0x100
  for (let byte = 0; byte < 256; byte += 1) {
    const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad)
    alphabet.push(String.fromCharCode(printable ? byte : next++))
  }
  return alphabet
}
