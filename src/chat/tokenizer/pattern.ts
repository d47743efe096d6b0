/** Patterns of tokenizer.json (Oniguruma) as JavaScript regular expressions. */
import type { Fail } from './file.js'
import { classOf } from './unicode.js'

/** `{ String }` or `{ Regex }`, as found in Split and Replace. Always global and Unicode-aware. */
export function readPattern(json: unknown, fail: Fail): RegExp {
  const pattern = (typeof json === 'string' ? { String: json } : json) as { String?: string; Regex?: string } | null
  if (typeof pattern?.String === 'string') return literal(pattern.String)
  if (typeof pattern?.Regex !== 'string') return fail(`has a pattern that cannot be read: ${JSON.stringify(json)}`)
  try {
    return new RegExp(translate(pattern.Regex), 'gu')
  } catch {
    return fail(`has a pattern that is not supported: ${pattern.Regex}`)
  }
}

/** Matches a text as it is. */
export function literal(text: string): RegExp {
  return new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'gu')
}

const FOLDS: Record<string, string> = { s: 'sSſ', k: 'kK\u212a' }

/** Throws on what JavaScript cannot express. Node 20 has no `(?i:…)`, so its letters are written out. */
function translate(source: string): string {
  let out = ''
  let inClass = false
  const groups: boolean[] = []
  let ignoreCase = false
  for (let i = 0; i < source.length; i += 1) {
    const char = source[i] as string
    if (char === '\\') {
      const [translated, end] = translateEscape(source, i + 1, { inClass })
      out += translated
      i = end - 1
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
      // A second + makes it possessive, which JavaScript does not have.
      if (source[i + 1] === '+') throw new Error('possessive')
      out += char
    } else if (ignoreCase && /[a-z]/i.test(char)) {
      const lower = char.toLowerCase()
      out += `[${FOLDS[lower] ?? lower + char.toUpperCase()}]`
    } else {
      out += LINES[char] ?? char
    }
  }
  return out
}

// To Oniguruma only \n ends a line.
const LINES: Record<string, string> = { '.': '[^\\n]', '^': '(?<![^\\n])', $: '(?![^\\n])' }

/** Translates what follows a backslash. Returns the translation and where it ends. */
function translateEscape(source: string, at: number, { inClass }: { inClass: boolean }): [string, number] {
  const char = source[at]
  if (char === undefined) throw new Error('ends in a backslash')
  const property = /^[pP]\{(\^?)(\w+)\}/.exec(source.slice(at))
  // Classes are written out: Node's Unicode version differs from the reference's.
  const name = property ? property[2] : { s: 's', S: 's', d: 'Nd', D: 'Nd' }[char]
  if (name !== undefined) {
    const negated = /[SDP]/.test(char) !== (property?.[1] === '^')
    const inside = classOf(name, { negated })
    if (inside === undefined) throw new Error(name)
    return [inClass ? inside : `[${inside}]`, at + (property ? property[0].length : 1)]
  }
  const code = /^(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4})/.exec(source.slice(at))
  if (code) return [`\\${code[0]}`, at + code[0].length]
  if (/[nrtfv0]/.test(char)) return [`\\${char}`, at + 1]
  if (/[A-Za-z1-9]/.test(char)) throw new Error(`\\${char}`)
  if ('^$\\.*+?()[]{}|/'.includes(char) || (inClass && char === '-')) return [`\\${char}`, at + 1]
  return [char, at + 1]
}
