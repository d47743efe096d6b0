/** Patterns of tokenizer.json (Oniguruma) as JavaScript regular expressions. */
import type { Fail } from './file.js'

/** `{ String }` or `{ Regex }`, as found in Split and Replace. Always global and Unicode-aware. */
export function readPattern(json: unknown, fail: Fail): RegExp {
  const pattern = (typeof json === 'string' ? { String: json } : json) as { String?: string; Regex?: string } | null
  if (typeof pattern?.String === 'string' && pattern.String !== '') {
    return new RegExp(pattern.String.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'gu')
  }
  if (typeof pattern?.Regex !== 'string') return fail(`has a pattern that cannot be read: ${JSON.stringify(json)}`)
  try {
    return new RegExp(translate(pattern.Regex), 'gmu')
  } catch {
    return fail(`has a pattern that is not supported: ${pattern.Regex}`)
  }
}

// Oniguruma's classes are Unicode's; JavaScript's \s has U+FEFF and lacks U+0085, its \w and \d are ASCII.
const CLASSES: Record<string, string> = {
  s: '\\p{White_Space}',
  S: '\\P{White_Space}',
  d: '\\p{Nd}',
  D: '\\P{Nd}',
  w: '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}',
}
const FOLDS: Record<string, string> = { s: 'sSſ', k: 'kK\u212a' }

/** Throws on what JavaScript cannot express. Node 20 knows no `(?i:…)`: its letters are written out. */
function translate(source: string): string {
  let out = ''
  let inClass = false
  const groups: boolean[] = []
  let ignoreCase = false
  for (let i = 0; i < source.length; i += 1) {
    const char = source[i] as string
    if (char === '\\') {
      i += 1
      out += translateEscape(source[i], inClass)
      // \p{…}, \u{…}: what is in the braces is no text.
      const braced = /^[pPxu]$/.test(source[i] ?? '') && /^\{[^}]*\}/.exec(source.slice(i + 1))
      if (braced) {
        out += braced[0]
        i += braced[0].length
      }
    } else if (inClass) {
      if (char === '[' || source.startsWith('&&', i)) throw new Error('nested class')
      if (char === ']') inClass = false
      if (ignoreCase && /[a-z]/i.test(char)) throw new Error('class without case')
      out += char
    } else if (char === '[') {
      inClass = true
      out += char
    } else if (char === '(') {
      groups.push(ignoreCase)
      const flags = /^\(\?([a-z]+)(:|\))/.exec(source.slice(i))
      if (!flags) {
        if (/^\(\?[^:=!<]/.test(source.slice(i))) throw new Error('group')
        out += char
        continue
      }
      if (flags[1] !== 'i') throw new Error('flags')
      ignoreCase = true
      if (flags[2] === ')') {
        groups.pop()
        i += flags[0].length - 1
        continue
      }
      out += '(?:'
      i += flags[0].length - 1
    } else if (char === ')') {
      ignoreCase = groups.pop() ?? false
      out += char
    } else if (/[*+?]/.test(char)) {
      // A second + makes it possessive, which JavaScript does not know.
      if (source[i + 1] === '+') throw new Error('possessive')
      out += char
    } else if (ignoreCase && /[a-z]/i.test(char)) {
      const lower = char.toLowerCase()
      out += `[${FOLDS[lower] ?? lower + char.toUpperCase()}]`
    } else {
      out += char
    }
  }
  return out
}

function translateEscape(char: string | undefined, inClass: boolean): string {
  if (char === undefined) throw new Error('ends in a backslash')
  const known = CLASSES[char]
  if (known) return inClass || char !== 'w' ? known : `[${known}]`
  if (/[nrtfv0pPxub1-9]/.test(char)) return `\\${char}`
  if (/[A-Za-z]/.test(char)) throw new Error(`\\${char}`)
  if ('^$\\.*+?()[]{}|/'.includes(char) || (inClass && char === '-')) return `\\${char}`
  return char
}
