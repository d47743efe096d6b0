/** Normalizers: they change a text before it is split. */
import { spellBytes } from './byte-level.js'
import { classOfSet, WHITE_SPACE } from './character-sets.js'
import { readCharsmap } from './charsmap.js'
import { type Fail, flatten, type Step } from './file.js'
import { checkGrowth, readAddition } from './growth.js'
import { type Pattern, readPattern } from './pattern.js'
import { readSentencePieceNormalizer } from './sentencepiece-normalizer.js'
import { sortMarks } from './sort-marks.js'
import { matches } from './split.js'

export interface Normalizer {
  normalize(text: string): string
  /** Whether each character is changed by itself, so that a text may be normalized in parts. */
  readonly local: boolean
  /** Whether the beginning of a text is still its beginning, and nothing before it was removed or replaced; if not given, always. */
  keepsStart?(text: string): boolean
}

export function readNormalizer(step: Step | null | undefined, fail: Fail): Normalizer {
  const all = flatten(step, 'normalizers').map((inner) => readStep(inner, fail))
  if (all.length === 0) return { normalize: (text) => text, local: true }
  if (all.length === 1) return all[0] as Normalizer
  const normalize = (text: string) =>
    all.reduce((result, inner) => {
      const next = inner.normalize(result)
      checkGrowth(text, next.length)
      return next
    }, text)
  const keepsStart = (text: string) => {
    let current = text
    return all.every((inner) => {
      const keeps = inner.keepsStart?.(current) ?? true
      current = inner.normalize(current)
      return keeps
    })
  }
  return { normalize, local: all.every(({ local }) => local), keepsStart }
}

function readStep(step: Step, fail: Fail): Normalizer {
  switch (step.type) {
    case 'Replace':
      return readReplace(step, fail)
    case 'Prepend': {
      const start = readAddition(step.prepend, fail)
      return { normalize: (text) => (text === '' ? text : start + text), local: start === '' }
    }
    case 'Strip':
      return readStrip(step)
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return readForm(step.type)
    case 'Lowercase':
      // JavaScript alone writes a sigma at the end of a word differently.
      return { normalize: (text) => text.replaceAll('Σ', 'σ').toLowerCase(), local: true }
    case 'StripAccents': {
      const accents = new RegExp(`[${classOfSet('accents')}]+`, 'gu')
      const keepsStart = (text: string) => text.search(accents) !== 0
      return { normalize: (text) => text.replace(accents, ''), local: true, keepsStart }
    }
    case 'ByteLevel':
      return { normalize: spellBytes, local: true }
    case 'Precompiled': {
      return {
        normalize: readCharsmap(Buffer.from(String(step.precompiled_charsmap ?? ''), 'base64'), fail),
        local: false,
      }
    }
    case 'SentencePiece':
      return { normalize: readSentencePieceNormalizer(step, fail), local: false }
    default:
      return fail(`has a normalizer of the unknown type ${step.type}`)
  }
}

function readReplace(step: Step, fail: Fail): Normalizer {
  const { String: plain } = (step.pattern ?? {}) as { String?: string }
  const content = readAddition(step.content, fail)
  const pattern = readPattern(step.pattern, fail)
  if (plain && content.length <= 4 * plain.length) {
    // A string is several times faster than a function, but $ is special in it.
    const replacement = content.replaceAll('$', '$$$$')
    return {
      normalize: (text) => text.replaceAll(plain, replacement),
      local: plain.length === 1,
      keepsStart: (text) => !text.startsWith(plain) || standsIn(plain, content),
    }
  }
  const keepsStart = (text: string) => {
    const first = matches(text, pattern).next().value
    return first?.[0] !== 0 || standsIn(text.slice(0, first[1]), content)
  }
  return { normalize: replacer(pattern, content), local: false, keepsStart }
}

/** Whether the replacement counts as the text's beginning to the reference: only that of a single character. */
function standsIn(match: string, content: string): boolean {
  return content !== '' && [...match].length === 1
}

/** Replaces the matches that the reference finds; JavaScript's own replace finds other empty ones. */
export function replacer(pattern: Pattern, content: string): (text: string) => string {
  return (text) => {
    let replaced = ''
    let at = 0
    for (const [start, end] of matches(text, pattern)) {
      replaced += text.slice(at, start) + content
      checkGrowth(text, replaced.length)
      at = end
    }
    return at === 0 && replaced === '' ? text : replaced + text.slice(at)
  }
}

function readStrip(step: Step): Normalizer {
  const left = step.strip_left !== false
  const right = step.strip_right !== false
  const start = new RegExp(`^[${WHITE_SPACE}]+`, 'u')
  const space = new RegExp(`[${WHITE_SPACE}]`, 'u')
  const normalize = (text: string) => {
    let end = text.length
    // A pattern that ends in $ would look at every run of white space from each of its characters.
    while (right && end > 0 && space.test(text[end - 1] as string)) end -= 1
    const rest = text.slice(0, end)
    return left ? rest.replace(start, '') : rest
  }
  return { normalize, local: !left && !right, keepsStart: (text) => !left || !start.test(text) }
}

function readForm(form: 'NFC' | 'NFD' | 'NFKC' | 'NFKD'): Normalizer {
  const inert = new RegExp(`[${classOfSet('inert')}]+`, 'gu')
  const normalize = (text: string) => {
    let normalized = ''
    let at = 0
    for (const found of text.matchAll(inert)) {
      normalized += sortMarks(text.slice(at, found.index)).normalize(form) + found[0]
      at = found.index + found[0].length
    }
    return normalized + sortMarks(text.slice(at)).normalize(form)
  }
  return { normalize, local: false }
}
