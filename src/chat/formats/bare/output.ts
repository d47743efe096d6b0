/** What a reader of bare calls emits, and what it has to know about that when the next bracket comes. */
import type { Part } from '../../types.js'
import type { ToolCall } from '../call.js'
import { textRun } from '../text-run.js'

export interface BareOutput {
  /** Emits text, after what is held. */
  text(written: string): void
  /** Emits calls. What is held stands around them and is dropped. */
  calls(calls: ToolCall[]): void
  /** Holds what may stand around calls: white space, separators, tags. */
  hold(written: string): void
  /** Whether this character is to be held: white space after what is held, white space and separators after a call. */
  holds(char: string): boolean
  /** Whether what is held ends with an opening tag or a marker, which says that a call follows. */
  isMarked(): boolean
  /** Emits what is held. After a call, mere separators and tags are dropped. */
  releaseHeld(tags: readonly string[]): void
  /** A thought or a call stands here: white space beside it is dropped. */
  interrupt(): void
  /** Ends the text. */
  end(): void
  /** Whether the line is blank so far. */
  atLineStart(): boolean
  /** The same, including what is held. */
  atHeldLineStart(): boolean
  /** Whether `f(` or `x =` precedes: what follows is a value in code. */
  opensValue(): boolean
  /** Returns the parts that were emitted since the last call. */
  take(): Part[]
}

// How many characters before a bracket may matter.
const RECENT = 8
const MAX_TAG = 32

export function bareOutput(): BareOutput {
  const run = textRun()
  let parts: Part[] = []
  let held = ''
  let afterCall = false
  let lineStart = true
  let recent = ''

  const text = (written: string) => {
    const whole = held + written
    if (whole === '') return
    held = ''
    afterCall = false
    recent = (recent + whole.slice(-RECENT)).slice(-RECENT)
    const lastLine = whole.slice(whole.lastIndexOf('\n') + 1)
    lineStart = (lineStart || lastLine.length < whole.length) && lastLine.trim() === ''
    for (const part of run.push(whole)) parts.push(part)
  }
  return {
    text,
    calls(calls) {
      held = ''
      recent = ''
      afterCall = true
      lineStart = true
      run.interrupt()
      for (const call of calls) parts.push(call)
    },
    hold(written) {
      held += written
    },
    holds: (char) => (afterCall ? /[\s;,]/.test(char) : held !== '' && /\s/.test(char)),
    isMarked: () => /<[^/<>][^<>]*>$/.test(held.trimEnd().slice(-MAX_TAG)),
    releaseHeld(tags) {
      const separates = afterCall && /^[\s;,]*$/.test(tags.reduce((left, tag) => left.replaceAll(tag, ''), held))
      if (!separates) text('')
      held = ''
    },
    interrupt: run.interrupt,
    end() {
      for (const part of run.end()) parts.push(part)
    },
    atLineStart: () => lineStart,
    atHeldLineStart: () => lineStart && held.trim() === '',
    opensValue: () => held === '' && /[=(]\s*$/.test(recent),
    take() {
      const taken = parts
      parts = []
      return taken
    },
  }
}
