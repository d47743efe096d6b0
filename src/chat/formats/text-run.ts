/** Text on its way out: white space that stands alone beside calls and thoughts is dropped. */
import type { Part } from '../types.js'

/** A client would get a blank block for it, which some show and none wants. */
export interface TextRun {
  push(text: string): Part[]
  /** A call or a thought stands here. */
  interrupt(): void
  /** White space is given out after all if there was nothing else. */
  end(): Part[]
}

/** `alone`: nothing but white space came so far. */
type State = { at: 'blank'; space: string; alone: boolean } | { at: 'text' }

const TEXT: State = { at: 'text' }

export function textRun(): TextRun {
  let state: State = { at: 'blank', space: '', alone: true }
  return {
    push(text) {
      if (text === '') return []
      if (state.at === 'text') return [{ type: 'text', text }]
      state.space += text
      if (text.trim() === '') return []
      const whole = state.space
      state = TEXT
      return [{ type: 'text', text: whole }]
    },
    interrupt() {
      state = { at: 'blank', space: '', alone: false }
    },
    end() {
      if (state.at === 'text') return []
      const { space, alone } = state
      state.space = ''
      return alone && space !== '' ? [{ type: 'text', text: space }] : []
    },
  }
}
