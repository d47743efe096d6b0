/** Emits text. White space that stands alone beside calls and thoughts is dropped. */
import type { Part } from '../types.js'

/** Such white space would be a blank block, which some clients show. */
export interface TextRun {
  push(text: string): Part[]
  /** A call or a thought stands here. */
  interrupt(): void
  /** Emits white space only if there was nothing else. */
  end(): Part[]
}

/** `alone`: there was nothing but white space so far. */
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
