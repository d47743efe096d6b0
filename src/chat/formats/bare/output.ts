/** What leaves a reader of bare calls: text and calls, and what the text before says about the next bracket. */
import type { Part } from '../../types.js'
import type { ToolCall } from '../call.js'
import { textRun } from '../text-run.js'

export interface BareOutput {
  /** Gives out text, after what is held. */
  text(written: string): void
  /** Gives out calls. What is held stood around them and is dropped. */
  calls(calls: ToolCall[]): void
  /** Holds what may stand around calls: white space, separators, tags. */
  hold(written: string): void
  /** Whether this character is to be held, where text begins. */
  holds(char: string): boolean
  /** A thought or a call that was read elsewhere follows, or the text ends: drops what is held after a call. */
  releaseHeld(tags: readonly string[]): void
  /** Keeps the text before and after apart. */
  interrupt(): void
  /** The text ends here. */
  end(): void
  /** Whether the line holds nothing but white space so far. */
  atLineStart(): boolean
  /** The same, with what is held. */
  atHeldLineStart(): boolean
  /** Whether `f(` or `x =` stands before: what follows is a value in somebody's code. */
  opensValue(): boolean
  /** All parts since the last time. */
  take(): Part[]
}

// How far back it matters what stands before a bracket.
const RECENT = 8

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
