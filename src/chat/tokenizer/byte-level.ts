/** Byte-level BPE's alphabet: every byte has one printable character. */

/** The character of a byte. Printable Latin-1 stands for itself; the others are numbered from U+0100. */
export const CODE_OF_BYTE: number[] = makeAlphabet()

/** The byte of a character code, or undefined. */
export const BYTE_OF_CODE: (number | undefined)[] = []
for (const [byte, code] of CODE_OF_BYTE.entries()) BYTE_OF_CODE[code] = byte

function makeAlphabet(): number[] {
  const alphabet: number[] = []
  let next = 0x100
  for (let byte = 0; byte < 256; byte += 1) {
    const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad)
    alphabet.push(printable ? byte : next++)
  }
  return alphabet
}

/** Each byte as its character; a text is its UTF-8. */
export function spellBytes(text: string | Uint8Array): string {
  let spelled = ''
  for (const byte of typeof text === 'string' ? Buffer.from(text) : text) {
    spelled += String.fromCharCode(CODE_OF_BYTE[byte] as number)
  }
  return spelled
}
