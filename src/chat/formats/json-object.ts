/** Finds the end of a JSON object that arrives in pieces, looking at every character once. */

/** `whole`: the object ends there. `none`: none of ours begins like that. `deep`: nested too deep to be one. */
type State = 'open' | 'whole' | 'none' | 'deep'

export interface ObjectScan {
  /**
   * Takes characters of `text` from `from` on, the opening brace first. `end`: how far it got.
   */
  push(text: string, from: number): { state: State; end: number }
  /** Everything taken so far. */
  source(): string
}

// The first key stands before this many characters, or it is no object of ours.
const START = 64

/** `keys`: one of them comes first. */
export function objectScan(keys: string[], maxDepth: number): ObjectScan {
  const taken: string[] = []
  let start = ''
  let started = false
  let depth = 0
  let inString = false
  let escaped = false

  /** Whether the first key may be, and whether it already is, one of ours. */
  const checkStart = (): 'open' | 'none' => {
    const key = /^\{\s*(?:"([^"]*)("?))?$/.exec(start)
    if (!key || start.length > START) return 'none'
    const [, name = '', closed] = key
    started = closed === '"' && keys.includes(name)
    return started || (closed !== '"' && keys.some((one) => one.startsWith(name))) ? 'open' : 'none'
  }

  const step = (char: string) => {
    if (inString) {
      if (escaped) escaped = false
      else if (char === '\\') escaped = true
      else if (char === '"') inString = false
    } else if (char === '"') {
      inString = true
    } else if (char === '{' || char === '[') {
      depth += 1
    } else if (char === '}' || char === ']') {
      depth -= 1
    }
  }

  return {
    push(text, from) {
      let state: State = 'open'
      let at = from
      while (at < text.length && state === 'open') {
        const char = text[at] as string
        at += 1
        step(char)
        if (!started) {
          start += char
          state = checkStart()
        }
        if (depth === 0 && state === 'open') state = 'whole'
        if (depth > maxDepth) state = 'deep'
      }
      taken.push(text.slice(from, at))
      return { state, end: at }
    },
    source: () => taken.join(''),
  }
}
