/** Patterns of tokenizer.json: what they match in a text, in linear time whatever they say. */
import type { Fail } from './file.js'
import { type Find, finder } from './regex/match.js'
import { parsePattern } from './regex/parse.js'
import { compile } from './regex/program.js'
import { classOf } from './unicode.js'

/** Looks for the pattern in a text. */
export type Pattern = (text: string) => Find

// The split that ByteLevel does itself if no Split precedes it.
export const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

/** `{ String }` or `{ Regex }`, as found in Split and Replace. */
export function readPattern(json: unknown, fail: Fail): Pattern {
  const pattern = (typeof json === 'string' ? { String: json } : json) as { String?: string; Regex?: string } | null
  if (typeof pattern?.String === 'string') return readLiteral(pattern.String, fail)
  if (typeof pattern?.Regex !== 'string') return fail(`has a pattern that cannot be read: ${shown(json)}`)
  if (pattern.Regex === GPT2) return gpt2()
  try {
    const program = compile(parsePattern(pattern.Regex))
    return (text) => finder(program, text)
  } catch (error) {
    return fail(`has a pattern that is not supported, since ${(error as Error).message}: ${shown(pattern.Regex)}`)
  }
}

/** The longest text in use as a pattern is a few characters; looking for one takes its length at each place, at worst. */
const LONGEST_LITERAL = 256

/** Matches a text as it is. */
export function readLiteral(text: string, fail: Fail): Pattern {
  if (text.length > LONGEST_LITERAL) return fail(`has a pattern of more than ${LONGEST_LITERAL} characters`)
  return plainPattern(new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'gu'))
}

/** By a regular expression of our own, which is global and takes linear time. */
export function plainPattern(pattern: RegExp): Pattern {
  return (text) => (from) => {
    pattern.lastIndex = from
    const found = pattern.exec(text)
    return found ? [found.index, found.index + found[0].length] : undefined
  }
}

function gpt2(): Pattern {
  const [letters, numbers, spaces] = ['L', 'N', 's'].map((name) => classOf(name, { negated: false }))
  const words = `'s|'t|'re|'ve|'m|'ll|'d| ?[${letters}]+| ?[${numbers}]+| ?[^${spaces}${letters}${numbers}]+`
  return plainPattern(new RegExp(`${words}|[${spaces}]+(?![^${spaces}])|[${spaces}]+`, 'gu'))
}

/** A part of a file, as an error quotes it. */
function shown(json: unknown): string {
  const text = typeof json === 'string' ? json : String(JSON.stringify(json))
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
