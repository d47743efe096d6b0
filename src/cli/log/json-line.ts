/** A line of JSON that is safe to look at in a terminal. */

/** JSON leaves DEL, the controls after it and what reorders text as they are, which a terminal would obey. */
export function jsonLine(value: object): string {
  const escaped = (letter: string) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`
  return JSON.stringify(value).replace(/[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, escaped)
}
