/** Parses the bytes of a terminal in raw mode into keys. */
import { StringDecoder } from 'node:string_decoder'

/** A letter as itself, everything else by name. */
export type Key =
  | { letter: string }
  | 'up'
  | 'down'
  | 'page-up'
  | 'page-down'
  | 'home'
  | 'end'
  | 'enter'
  | 'escape'
  | 'backspace'
  | 'clear'
  | 'clear-word'
  | 'interrupt'
  | 'end-of-input'
  | 'suspend'

export interface KeyReader {
  push(bytes: Buffer): void
  /** Drops an unfinished sequence. */
  end(): void
}

/** How long to wait for the rest of a sequence before an escape counts as the Escape key. */
const escapeMs = 50

const sequences: Record<string, Key> = {
  '\u001b[A': 'up',
  '\u001bOA': 'up',
  '\u001b[B': 'down',
  '\u001bOB': 'down',
  '\u001b[5~': 'page-up',
  '\u001b[6~': 'page-down',
  '\u001b[H': 'home',
  '\u001bOH': 'home',
  '\u001b[1~': 'home',
  '\u001b[F': 'end',
  '\u001bOF': 'end',
  '\u001b[4~': 'end',
  '\u001b': 'escape',
  '\r': 'enter',
  '\n': 'enter',
  '\u007f': 'backspace',
  '\b': 'backspace',
  '\u0015': 'clear',
  '\u0017': 'clear-word',
  '\u0003': 'interrupt',
  '\u0004': 'end-of-input',
  '\u001a': 'suspend',
  '\u0010': 'up',
  '\u000e': 'down',
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal speaks in control characters.
const oneKey = /\u001b[[O][0-9;]*[A-Za-z~]|[\s\S]/gu
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
const unfinished = /\u001b(?:[[O][0-9;]*)?$/

export function readKeys(onKey: (key: Key) => void): KeyReader {
  const decoder = new StringDecoder('utf8')
  let held = ''
  let timer: NodeJS.Timeout | undefined
  const take = (text: string) => {
    for (const [sequence] of text.matchAll(oneKey)) {
      const key = keyOf(sequence)
      if (key !== undefined) onKey(key)
    }
  }
  return {
    push(bytes) {
      clearTimeout(timer)
      const text = held + decoder.write(bytes)
      const start = text.search(unfinished)
      held = start < 0 ? '' : text.slice(start)
      take(start < 0 ? text : text.slice(0, start))
      if (!held) return
      timer = setTimeout(() => {
        const rest = held
        held = ''
        take(rest)
      }, escapeMs)
    },
    end() {
      clearTimeout(timer)
      held = ''
    },
  }
}

function keyOf(sequence: string): Key | undefined {
  const known = sequences[sequence]
  if (known !== undefined) return known
  return sequence.length > 2 || /\p{C}/u.test(sequence) ? undefined : { letter: sequence }
}
