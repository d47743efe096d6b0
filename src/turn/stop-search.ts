/**
 * Finds the first of many stop sequences in a text that comes in pieces, in time that grows with the text alone: the
 * automaton of Aho and Corasick, whose state is the longest end of the text that a sequence begins with.
 */
import { fail } from './request-fields.js'

export interface StopSearch {
  /**
   * -> the text that no sequence can begin in any more; with `met`, the text before the sequence that was met: the one that
   * is complete first, as if the text had come character by character, and of those the longest.
   */
  push(text: string): { text: string; met?: string }
  /** What is held back, since a sequence may begin with it. The search then starts anew. */
  rest(): string
}

/** A place in the tree of sequences. */
interface Node {
  next: Map<number, Node>
  depth: number
  /** The place of the longest proper end of this one that is also in the tree. */
  fallback?: Node
  /** The longest sequence that ends here. */
  found?: string
}

/** Characters of all sequences together. */
const MOST_STOP_CHARACTERS = 65_536

/** Throws `invalid_request` for the field at `at` if the sequences are too long. -> the sequences */
export function checkStopSequences(sequences: string[], at: string): string[] {
  const characters = sequences.reduce((sum, sequence) => sum + sequence.length, 0)
  if (characters > MOST_STOP_CHARACTERS)
    fail(at, `at most ${MOST_STOP_CHARACTERS} characters together, not ${characters}`)
  return sequences
}

export function stopSearch(sequences: readonly string[]): StopSearch {
  const root: Node = { next: new Map(), depth: 0 }
  for (const sequence of sequences) {
    let node = root
    for (let i = 0; i < sequence.length; i++) node = childOf(node, sequence.charCodeAt(i))
    node.found = sequence
  }
  linkFallbacks(root)
  let state = root
  // As long as the state is deep.
  let held = ''
  return {
    push(text) {
      const all = held + text
      for (let i = held.length; i < all.length; i++) {
        state = step(root, state, all.charCodeAt(i))
        if (state.found !== undefined) return { text: all.slice(0, i + 1 - state.found.length), met: state.found }
      }
      const ready = all.length - state.depth
      held = all.slice(ready)
      return { text: all.slice(0, ready) }
    },
    rest() {
      const rest = held
      held = ''
      state = root
      return rest
    },
  }
}

function childOf(node: Node, code: number): Node {
  const known = node.next.get(code)
  if (known) return known
  const made: Node = { next: new Map(), depth: node.depth + 1 }
  node.next.set(code, made)
  return made
}

/** Level by level, so that what is shorter is linked before. */
function linkFallbacks(root: Node): void {
  const queue = [...root.next.values()]
  for (const node of queue) node.fallback = root
  for (let i = 0; i < queue.length; i++) {
    const node = queue[i] as Node
    for (const [code, child] of node.next) {
      child.fallback = step(root, node.fallback ?? root, code)
      child.found ??= child.fallback.found
      queue.push(child)
    }
  }
}

function step(root: Node, from: Node, code: number): Node {
  let node: Node | undefined = from
  while (node) {
    const next = node.next.get(code)
    if (next) return next
    node = node.fallback
  }
  return root
}
