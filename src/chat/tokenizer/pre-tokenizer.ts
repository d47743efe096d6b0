/** Pre-tokenizers: they split a normalized text into the words that the model encodes one by one. */
import { spellBytes } from './byte-level.js'
import { classOfSet, WHITE_SPACE } from './character-sets.js'
import { cutterFor, type NextWord } from './cutter.js'
import { type Fail, flatten, readCharacter, type Step } from './file.js'
import { GPT2, type Pattern, plainPattern, readLiteral, readPattern } from './pattern.js'
import { contiguous, cut, isolated, type Merge, mergedWithNext, readBehavior, removed } from './split.js'
import { wordClass } from './unicode.js'

/** `first`: the first of these words begins the whole text. */
interface Words {
  list: string[]
  first: boolean
}

type SplitWords = (words: Words) => Words

export interface PreTokenizer {
  /** The words of a text, none of them empty; `first`: it begins the whole text. */
  words(text: string, options: { first: boolean }): string[]
  /** The same, word by word and much faster, for the splits that are written by hand. */
  readonly next?: NextWord
  /** Whether the model's characters stand for the bytes of these words. */
  readonly byteLevel: boolean
  /** Whether words end at certain characters, independent of the characters around them. */
  readonly local: boolean
  /** Whether the beginning of a text is treated apart. */
  readonly start: boolean
}

export interface PreTokenizerOptions {
  /** Whether the last ByteLevel is left to the model, which is faster. */
  bytesInModel: boolean
}

export function readPreTokenizer(
  step: Step | null | undefined,
  { bytesInModel }: PreTokenizerOptions,
  fail: Fail,
): PreTokenizer {
  const steps = flatten(step, 'pretokenizers')
  const byteLevel = bytesInModel && endsInBytes(step)
  const splits = steps.map((inner, i) => readSplit(inner, byteLevel && i === steps.length - 1, fail))
  return {
    words: (text, { first }) =>
      splits.reduce((words, split) => split(words), { list: text === '' ? [] : [text], first }).list,
    next: byteLevel || !steps.some(({ type }) => type === 'ByteLevel') ? handWritten(steps) : undefined,
    byteLevel,
    start: steps.some(({ prepend_scheme }) => prepend_scheme === 'first'),
    local: steps.every(
      ({ type, pattern }) => type === 'Split' && (pattern as { String?: string })?.String?.length === 1,
    ),
  }
}

/** Whether ByteLevel is the last step and the only one of its kind, so that nothing sees the bytes as characters. */
export function endsInBytes(step: Step | null | undefined): boolean {
  const steps = flatten(step, 'pretokenizers')
  const at = steps.findIndex(({ type }) => type === 'ByteLevel')
  return at >= 0 && at === steps.length - 1
}

/** Whether the split of a file is one that is written by hand. */
export function isHandWritten(step: Step | null | undefined): boolean {
  return handWritten(flatten(step, 'pretokenizers')) !== undefined
}

/** One Split whose matches are the words, followed by nothing but ByteLevel. */
function handWritten([split, bytes, ...more]: Step[]): NextWord | undefined {
  const { Regex: pattern } = (split?.pattern ?? {}) as { Regex?: string }
  const bare = !bytes || (bytes.type === 'ByteLevel' && bytes.add_prefix_space === false && bytes.use_regex === false)
  if (split?.type !== 'Split' || pattern === undefined || !bare || more.length > 0) return undefined
  // These patterns match every character, so the behavior for the rest does not matter.
  return /^isolated$/i.test(String(split.behavior)) && split.invert !== true ? cutterFor(pattern) : undefined
}

function readSplit(step: Step, bytesInModel: boolean, fail: Fail): SplitWords {
  switch (step.type) {
    case 'Split':
      return splitter(readPattern(step.pattern, fail), readBehavior(step.behavior, fail), step.invert === true)
    case 'Digits':
      return splitter(setPattern(classOfSet('numeric')), step.individual_digits === true ? isolated : contiguous)
    case 'Punctuation':
      return splitter(setPattern(classOfSet('punctuation')), readBehavior(step.behavior ?? 'Isolated', fail))
    case 'Whitespace':
      return splitter(
        plainPattern(new RegExp(`[${wordClass()}]+|[^${wordClass()}${WHITE_SPACE}]+`, 'gu')),
        removed,
        true,
      )
    case 'WhitespaceSplit':
      return splitter(setPattern(WHITE_SPACE), removed)
    case 'CharDelimiterSplit':
      return splitter(readLiteral(readCharacter(step.delimiter, fail), fail), removed)
    case 'ByteLevel':
      return readByteLevel(step, bytesInModel, fail)
    case 'Metaspace':
      return readMetaspace(step, fail)
    default:
      return fail(`has a pre-tokenizer of the unknown type ${step.type}`)
  }
}

/** Each character of a set is a match of its own. */
function setPattern(inside: string): Pattern {
  return plainPattern(new RegExp(`[${inside}]`, 'gu'))
}

function splitter(pattern: Pattern, merge: Merge, invert = false): SplitWords {
  return eachWord((word) => merge(cut(word, pattern, invert)))
}

/** Drops empty words. If the first one goes, the next does not begin the text. */
function eachWord(split: (word: string, first: boolean) => string[]): SplitWords {
  return ({ list, first }) => {
    const words: string[] = []
    let begins = first
    for (const [i, word] of list.entries()) {
      const parts = split(word, first && i === 0)
      // Word by word: a call has room for about a hundred thousand arguments.
      for (const part of parts) if (part !== '') words.push(part)
      if (i === 0) begins = first && beginsAlike(word, parts)
    }
    return { list: words, first: begins }
  }
}

/** Whether the first part is still the beginning of the word, and not what follows a part that was removed. */
function beginsAlike(word: string, parts: string[]): boolean {
  const first = parts.find((part) => part !== '')
  return first !== undefined && word.startsWith(first)
}

function readByteLevel(step: Step, bytesInModel: boolean, fail: Fail): SplitWords {
  const spaced = step.add_prefix_space !== false
  const pattern = step.use_regex === false ? undefined : readPattern({ Regex: GPT2 }, fail)
  return ({ list, first }) => {
    const words: string[] = []
    for (const word of list) {
      const started = spaced && !word.startsWith(' ') ? ` ${word}` : word
      if (!pattern) words.push(started)
      else for (const { text } of cut(started, pattern, false)) words.push(text)
    }
    return { list: bytesInModel ? words : words.map(spellBytes), first }
  }
}

function readMetaspace(step: Step, fail: Fail): SplitWords {
  const mark = readCharacter(step.replacement ?? '▁', fail)
  const scheme = step.prepend_scheme ?? (step.add_prefix_space === false ? 'never' : 'always')
  const pattern = readLiteral(mark, fail)
  const split = step.split !== false
  return ({ list, first }) => {
    const words: string[] = []
    for (const [i, word] of list.entries()) {
      const marked = word.replaceAll(' ', () => mark)
      const prepend = scheme === 'always' || (scheme === 'first' && first && i === 0)
      const whole = prepend && !marked.startsWith(mark) ? mark + marked : marked
      if (!split) words.push(whole)
      else for (const part of mergedWithNext(cut(whole, pattern, false))) words.push(part)
    }
    return { list: words, first }
  }
}
