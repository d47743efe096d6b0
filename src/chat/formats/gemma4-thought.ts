/** The inside of Gemma 4's thinking channel, `thought\n … \n`, as thinking parts without that frame. */
import type { Part } from '../types.js'

export const THOUGHT_HEADER = 'thought\n'

export interface ThoughtRun {
  push(text: string): Part[]
  /** `closed`: the channel's end was read; then the line feed before it belongs to the frame. */
  end(closed: boolean): Part[]
}

type State =
  | { at: 'header'; written: string }
  /** White space, which is dropped if nothing else follows. */
  | { at: 'blank'; space: string }
  /** `lineFeed`: the last character, if it is a line feed, which may belong to the frame. */
  | { at: 'content'; lineFeed: string }

export function thoughtRun(): ThoughtRun {
  let state: State = { at: 'header', written: '' }

  const pushContent = (text: string): Part[] => {
    if (state.at === 'header') state = { at: 'blank', space: '' }
    if (state.at === 'blank') {
      state.space += text
      if (text.trim() === '') return []
    }
    const whole = state.at === 'blank' ? state.space : state.lineFeed + text
    const ready = whole.endsWith('\n') ? whole.slice(0, -1) : whole
    state = { at: 'content', lineFeed: whole.slice(ready.length) }
    return ready === '' ? [] : [{ type: 'thinking', text: ready }]
  }

  return {
    push(text) {
      if (state.at !== 'header') return pushContent(text)
      const written = state.written + text
      if (THOUGHT_HEADER.startsWith(written) && written !== THOUGHT_HEADER) {
        state.written = written
        return []
      }
      return pushContent(written.startsWith(THOUGHT_HEADER) ? written.slice(THOUGHT_HEADER.length) : written)
    },
    end(closed) {
      const parts = state.at === 'header' && !isFrame(state.written, closed) ? pushContent(state.written) : []
      if (state.at === 'content' && !closed && state.lineFeed !== '') {
        parts.push({ type: 'thinking', text: state.lineFeed })
      }
      return parts
    },
  }
}

/** Whether a thought that ended within its header consists of the frame alone. */
function isFrame(header: string, closed: boolean): boolean {
  return THOUGHT_HEADER.startsWith(header) && (!closed || header.trim() === THOUGHT_HEADER.trim())
}
