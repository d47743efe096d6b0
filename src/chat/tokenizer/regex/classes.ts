/** Classes of characters in patterns, and whether a character belongs to one. */

/** Whether it has the character with this code point. */
export interface CharacterClass {
  has(code: number): boolean
}

/** A class by the inside of JavaScript's brackets, such as `^a-z`. Throws SyntaxError. */
export function characterClass(inside: string): CharacterClass {
  const pattern = new RegExp(`^[${inside}]$`, 'su')
  const ascii = new Int8Array(128)
  for (let code = 0; code < 128; code += 1) ascii[code] = pattern.test(String.fromCharCode(code)) ? 1 : 0
  // By 256 characters: 0 if it was not asked for yet, 1 if the class has it, 2 if not.
  const pages: (Uint8Array | undefined)[] = []
  return {
    has(code) {
      if (code < 128) return ascii[code] === 1
      let page = pages[code >>> 8]
      if (!page) {
        page = new Uint8Array(256)
        pages[code >>> 8] = page
      }
      const at = code & 255
      if (page[at] === 0) page[at] = pattern.test(String.fromCodePoint(code)) ? 1 : 2
      return page[at] === 1
    },
  }
}
