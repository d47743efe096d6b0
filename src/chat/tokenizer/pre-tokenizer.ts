/** Pre-tokenizers: they split a normalized text into the words that BPE encodes one by one. */
import { cutterFor, type NextWord } from './cutter.js'
import type { Fail, Step } from './file.js'
import { readPattern } from './pattern.js'

/** `first`: these words begin the whole text. Returns no empty words. */
type SplitWords = (words: string[], first: boolean) => string[]

export interface PreTokenizer {
  /** The words of a text; `first`: it begins the whole text. */
  words(text: string, options: { first: boolean }): string[]
  /** The same, word by word and much faster, for the splits that are written by hand. */
  readonly next?: NextWord
  /** Whether the model's characters stand for the bytes of these words. */
  readonly byteLevel: boolean
  /** Whether words end at certain characters, independent of the characters around them. */
  readonly local: boolean
}

type Behavior = 'Removed' | 'Isolated' | 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous'
type Stretch = { text: string; match: boolean }

// The split that ByteLevel does itself if no Split precedes it.
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

export function readPreTokenizer(step: Step | null | undefined, fail: Fail): PreTokenizer {
  const steps = flatten(step)
  const bytes = steps.findIndex(({ type }) => type === 'ByteLevel')
  if (bytes >= 0 && bytes < steps.length - 1) return fail('has a pre-tokenizer after ByteLevel, which is not supported')
  const splits = steps.map((inner) => readSplit(inner, fail))
  return {
    words: (text, { first }) => splits.reduce((words, split) => split(words, first), [text]),
    next: handWritten(steps),
    byteLevel: bytes >= 0,
    local: steps.every(
      ({ type, pattern }) => type === 'Split' && (pattern as { String?: string })?.String?.length === 1,
    ),
  }
}

function flatten(step: Step | null | undefined): Step[] {
  if (!step) return []
  return step.type === 'Sequence' ? ((step.pretokenizers ?? []) as Step[]).flatMap(flatten) : [step]
}

/** One Split whose matches are the words, followed by nothing but ByteLevel. */
function handWritten([split, bytes, ...more]: Step[]): NextWord | undefined {
  const { Regex: pattern } = (split?.pattern ?? {}) as { Regex?: string }
  const bare = !bytes || (bytes.type === 'ByteLevel' && bytes.add_prefix_space === false && bytes.use_regex === false)
  if (split?.type !== 'Split' || pattern === undefined || !bare || more.length > 0) return undefined
  // These patterns match every character, so the behavior for the rest does not matter.
  return split.behavior === 'Isolated' && split.invert !== true ? cutterFor(pattern) : undefined
}

function readSplit(step: Step, fail: Fail): SplitWords {
  switch (step.type) {
    case 'Split': {
      const pattern = readPattern(step.pattern, fail)
      const merge = readBehavior(step.behavior, fail)
      const invert = step.invert === true
      return (words) => words.flatMap((word) => merge(cut(word, pattern, invert)))
    }
    case 'ByteLevel': {
      const spaced = step.add_prefix_space !== false
      const pattern = step.use_regex === false ? undefined : readPattern({ Regex: GPT2 }, fail)
      return (words) => {
        const started = spaced ? words.map((word) => (word.startsWith(' ') ? word : ` ${word}`)) : words
        return pattern ? started.flatMap((word) => cut(word, pattern, false).map(({ text }) => text)) : started
      }
    }
    case 'Metaspace':
      return readMetaspace(step)
    default:
      return fail(`has a pre-tokenizer of the unknown type ${step.type}`)
  }
}

function readMetaspace(step: Step): SplitWords {
  const mark = String(step.replacement ?? '▁')
  const scheme = step.prepend_scheme ?? (step.add_prefix_space === false ? 'never' : 'always')
  const pattern = new RegExp(mark.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'gu')
  return (words, first) =>
    words.flatMap((word, i) => {
      const marked = word.replaceAll(' ', () => mark)
      const prepend = scheme === 'always' || (scheme === 'first' && first && i === 0)
      const whole = prepend && !marked.startsWith(mark) ? mark + marked : marked
      if (step.split === false) return [whole]
      return mergedWithNext(cut(whole, pattern, false))
    })
}

function readBehavior(json: unknown, fail: Fail): (stretches: Stretch[]) => string[] {
  switch (json as Behavior) {
    case 'Isolated':
      return (stretches) => stretches.map(({ text }) => text)
    case 'Removed':
      return (stretches) => stretches.filter(({ match }) => !match).map(({ text }) => text)
    case 'MergedWithPrevious':
      return mergedWithPrevious
    case 'MergedWithNext':
      return mergedWithNext
    case 'Contiguous':
      return contiguous
    default:
      return fail(`has a Split of the unknown behavior ${String(json)}`)
  }
}

/** The text in order, as stretches that match and stretches that do not. */
function cut(text: string, pattern: RegExp, invert: boolean): Stretch[] {
  const stretches: Stretch[] = []
  let at = 0
  pattern.lastIndex = 0
  for (let found = pattern.exec(text); found; found = pattern.exec(text)) {
    const match = found[0]
    if (match === '') {
      pattern.lastIndex += 1
      continue
    }
    if (found.index > at) stretches.push({ text: text.slice(at, found.index), match: invert })
    stretches.push({ text: match, match: !invert })
    at = found.index + match.length
  }
  if (at < text.length) stretches.push({ text: text.slice(at), match: invert })
  return stretches
}

function mergedWithPrevious(stretches: Stretch[]): string[] {
  const words: string[] = []
  let after = false
  for (const { text, match } of stretches) {
    if (match && !after && words.length > 0) words[words.length - 1] += text
    else words.push(text)
    after = match
  }
  return words
}

function mergedWithNext(stretches: Stretch[]): string[] {
  const words: string[] = []
  let after = false
  for (const { text, match } of stretches.toReversed()) {
    if (match && !after && words.length > 0) words[words.length - 1] = text + words[words.length - 1]
    else words.push(text)
    after = match
  }
  return words.reverse()
}

function contiguous(stretches: Stretch[]): string[] {
  const words: string[] = []
  let last: boolean | undefined
  for (const { text, match } of stretches) {
    if (match === last) words[words.length - 1] += text
    else words.push(text)
    last = match
  }
  return words
}
