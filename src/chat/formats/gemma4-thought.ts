/** The inside of Gemma 4's thinking channel, `thought\n … \n`, as thinking parts without that frame. */
import type { Part } from '../types.js'

export const THOUGHT_HEADER = 'thought\n'

export interface ThoughtRun {
  push(text: string): Part[]
  /** `closed`: the channel ended as it should; the line feed before its end belongs to the frame. */
  end(closed: boolean): Part[]
}

export function thoughtRun(): ThoughtRun {
  let header: string | undefined = ''
  // White space that may turn out to be all there is, or the last line feed.
  let held = ''
  let started = false

  const pushContent = (text: string): Part[] => {
    const whole = held + text
    held = whole
    if (!started && whole.trim() === '') return []
    started = true
    const ready = whole.endsWith('\n') ? whole.slice(0, -1) : whole
    held = whole.slice(ready.length)
    return ready === '' ? [] : [{ type: 'thinking', text: ready }]
  }

  return {
    push(text) {
      if (header === undefined) return pushContent(text)
      header += text
      if (THOUGHT_HEADER.startsWith(header) && header !== THOUGHT_HEADER) return []
      const content = header.startsWith(THOUGHT_HEADER) ? header.slice(THOUGHT_HEADER.length) : header
      header = undefined
      return pushContent(content)
    },
    end(closed) {
      const isFrame =
        header !== undefined &&
        THOUGHT_HEADER.startsWith(header) &&
        (!closed || header.trim() === THOUGHT_HEADER.trim())
      const unread = header === undefined || isFrame ? '' : header
      header = undefined
      const parts = pushContent(unread)
      if (started && !closed && held !== '') parts.push({ type: 'thinking', text: held })
      held = ''
      return parts
    },
  }
}
