/** UTF-8, one character at a time. */

/** Writes a character at `at`. Returns where it ends. */
export function writeUtf8(to: Uint8Array, at: number, code: number): number {
  if (code < 0x80) {
    to[at] = code
    return at + 1
  }
  if (code < 0x800) {
    to[at] = 0xc0 | (code >> 6)
    to[at + 1] = 0x80 | (code & 63)
    return at + 2
  }
  if (code < 0x10000) {
    to[at] = 0xe0 | (code >> 12)
    to[at + 1] = 0x80 | ((code >> 6) & 63)
    to[at + 2] = 0x80 | (code & 63)
    return at + 3
  }
  to[at] = 0xf0 | (code >> 18)
  to[at + 1] = 0x80 | ((code >> 12) & 63)
  to[at + 2] = 0x80 | ((code >> 6) & 63)
  to[at + 3] = 0x80 | (code & 63)
  return at + 4
}
