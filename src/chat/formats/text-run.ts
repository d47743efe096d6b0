/** Text on its way out: white space that stands alone beside calls and thoughts is dropped. */
import type { Part } from '../types.js'

/** A client would get a blank block for it, which some show and none wants. */
export interface TextRun {
  push(text: string): Part[]
  /** A call or a thought stands here. */
  interrupt(): void
  /** White space is given out after all if it is everything that there was. */
  end(): Part[]
}

export function textRun(): TextRun {
  let held = ''
  let started = false
  let alone = true
  return {
    push(text) {
      if (text === '') return []
      if (started) return [{ type: 'text', text }]
      held += text
      if (text.trim() === '') return []
      const whole = held
      held = ''
      started = true
      alone = false
      return [{ type: 'text', text: whole }]
    },
    interrupt() {
      held = ''
      started = false
      alone = false
    },
    end() {
      const text = held
      held = ''
      return alone && text !== '' ? [{ type: 'text', text }] : []
    },
  }
}
