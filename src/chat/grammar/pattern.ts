/** Regular expressions as grammars read them. */

export const LONGEST_PATTERN = 200
// A grammar counts by repeating itself.
export const MOST_REPEATED = 200

/** What of a pattern no grammar says; undefined: it says all of it. `isPlain`: texts have no escapes. */
export function patternFault(pattern: string, isPlain: boolean): string | undefined {
  if (pattern.length > LONGEST_PATTERN) return `is longer than ${LONGEST_PATTERN} characters`
  if (!isPattern(pattern)) return 'is no regular expression'
  if (repeats(pattern) > MOST_REPEATED) return `repeats its parts more than ${MOST_REPEATED} times`
  return foreignPart(pattern) ?? (isPlain ? undefined : escapedPart(pattern))
}

/** How often at most a part of it is repeated by counting, one count within the other. */
export function repeats(pattern: string): number {
  let repeated = 1
  for (const [, least, most] of pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)) {
    repeated = Math.min(repeated * Math.max(1, Number(least), Number(most || 0)), MOST_REPEATED + 1)
  }
  return repeated
}

function isPattern(text: string): boolean {
  for (const flags of ['u', '']) {
    try {
      new RegExp(text, flags)
      return true
    } catch {
      // Another dialect, or none.
    }
  }
  return false
}

// One part of a pattern after another: what is no more than a character in a class comes as a whole.
const PARTS =
  /\\(?:u\{[0-9a-f]+\}|u[0-9a-f]{4}|x[0-9a-f]{2}|c[a-z]|[pP]\{[^}]*\}|k<[^>]*>|[\s\S])|\[(?:\\[\s\S]|[^\]\\])*\]|\(\?(?::|<[a-z_]\w*>|<?[=!])?|\{\d+(?:,\d*)?\}|[\s\S]/giu
const KNOWN_ESCAPE = /^\\(?:[dDwWsSnrtfv0]|x|u|[^\p{L}\p{N}_])/u

function foreignPart(pattern: string): string | undefined {
  let end = 0
  for (const [part] of pattern.matchAll(PARTS)) {
    const at = end
    end += part.length
    if (/^\(\?<?[=!]/.test(part)) return 'looks ahead or behind'
    if (part === '(?') return 'has a group of another kind'
    if (part === '^' && at > 0) return 'has a ^ behind its beginning'
    if (part === '$' && end < pattern.length) return 'has a $ before its end'
    if (part === '{' || part === '}') return `has a ${part} that counts nothing`
    if (part === '[]' || part === '[^]') return 'has an empty class'
    const escapes = part.startsWith('[') ? (part.match(/\\(?:u\{[0-9a-f]+\}|[\s\S])/giu) ?? []) : [part]
    for (const one of escapes) {
      if (one.startsWith('\\') && !KNOWN_ESCAPE.test(one)) return `has ${one}`
    }
    if (/\\u\{?d[89a-f]/i.test(part)) return 'has half a character'
  }
  return undefined
}

// Of a class, what JSON escapes is left out.
const ESCAPED = /^(?:["\p{Cc}]|\\(?:[nrtfv0"\\]|x[01]|u00[01]|u\{0*1?[0-9a-f]\}))/iu

/** JSON's texts have other characters in the place of these. */
function escapedPart(pattern: string): string | undefined {
  const found = pattern.match(PARTS)?.find((part) => ESCAPED.test(part))
  return found === undefined ? undefined : `has ${JSON.stringify(found)}, which JSON writes in another way`
}

/** The same in ASCII, which grammars read faster and exactly: `\u{e4}` for ä. */
export function inAscii(pattern: string): string {
  return pattern.replace(/[^\x20-\x7e]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}
