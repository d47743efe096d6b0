/** Reads JSON as Python writes it: also NaN, Infinity, and what transformers writes for them. */

const NUMBERS = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
])
const TAG = '__float__'

/** Levels that JSON may have: files in use have about ten. */
const DEEPEST = 100

/** Thrown for JSON that is nested too deeply for code that walks it. */
export class DeepJsonError extends SyntaxError {
  override name = 'DeepJsonError'
}

/**
 * As JSON.parse, for files that Python programs write. A byte order mark is skipped, NaN and the infinities are
 * numbers, also as transformers 5 tags them: `{"__float__": "NaN"}`. Throws SyntaxError.
 */
export function parsePythonJson(text: string): unknown {
  const tooDeep = new DeepJsonError(`it is nested more than ${DEEPEST} levels deep`)
  try {
    const value = parse(text)
    if (isDeeperThan(value, DEEPEST)) throw tooDeep
    return value
  } catch (error) {
    // JSON.parse calls its reviver level by level.
    throw error instanceof RangeError ? tooDeep : error
  }
}

/** Iterative: it protects recursive code from overflowing its stack. */
export function isDeeperThan(value: unknown, most: number): boolean {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > most) return true
    const next: unknown[] = []
    for (const parent of level) {
      if (typeof parent !== 'object' || parent === null) continue
      for (const child of Object.values(parent)) if (typeof child === 'object' && child !== null) next.push(child)
    }
    level = next
  }
  return false
}

function parse(text: string): unknown {
  const plain = text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
  if (plain.includes(TAG)) return parseTagged(plain)
  try {
    return JSON.parse(plain)
  } catch (error) {
    // Nearly all files are plain JSON, and need no second look.
    const tagged = tagNumbers(plain)
    if (tagged === plain) throw error
    return parseTagged(tagged)
  }
}

function parseTagged(text: string): unknown {
  return JSON.parse(tagNumbers(text), (_, value) => {
    const tag = typeof value === 'object' && value !== null ? value[TAG] : undefined
    const number = typeof tag === 'string' ? NUMBERS.get(tag) : undefined
    return number !== undefined && Object.keys(value).length === 1 ? number : value
  })
}

/** Writes the tag for each NaN and Infinity that is not in a string. */
function tagNumbers(text: string): string {
  let tagged = ''
  let from = 0
  let at = 0
  while (at < text.length) {
    const char = text[at]
    if (char === '"') {
      at = endOfString(text, at)
      continue
    }
    const word = char === 'N' || char === 'I' || char === '-' ? wordAt(text, at) : undefined
    if (word !== undefined) {
      tagged += `${text.slice(from, at)}{"${TAG}":"${word}"}`
      from = at + word.length
    }
    at += word?.length ?? 1
  }
  return tagged + text.slice(from)
}

function wordAt(text: string, at: number): string | undefined {
  return [...NUMBERS.keys()].find((word) => text.startsWith(word, at))
}

/** Just after the closing quote, or the end of the text. */
function endOfString(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1
  return at + 1
}
