/**
 * Finds where words begin in a text, and the longest at each place, in one pass from its end: an automaton after Aho and
 * Corasick, of the words backwards.
 */
import type { AddedTokenEntry } from './file.js'

/** A token as it is written in the text. */
export interface Written {
  content: string
  token: AddedTokenEntry
}

export interface Hit {
  at: number
  written: Written
}

/** From the last to the first. */
export type Beginnings = (text: string) => Hit[]

/** Nodes are numbers, 0 is the root. */
interface Nodes {
  /** The node of each last unit; 0 if no word ends with it. */
  first: Int32Array
  /** node * 65536 + unit -> node. */
  next: Map<number, number>
  /** The longest other node whose units the units of this one begin with. */
  shorter: number[]
  /** The longest word that is the beginning of a node's units. */
  longest: (Written | undefined)[]
}

export function makeBeginnings(words: Written[]): Beginnings {
  const nodes: Nodes = { first: new Int32Array(0x10000), next: new Map(), shorter: [0], longest: [undefined] }
  // By depth: parents come before their children.
  let level: { word: Written; node: number }[] = words.map((word) => ({ word, node: 0 }))
  for (let depth = 1; level.length > 0; depth += 1) {
    for (const one of level)
      one.node = child(nodes, one.node, one.word.content.charCodeAt(one.word.content.length - depth))
    const rest: typeof level = []
    for (const one of level) {
      if (one.word.content.length > depth) rest.push(one)
      else nodes.longest[one.node] = one.word
    }
    level = rest
  }
  complete(nodes)
  return (text) => hitsIn(nodes, text)
}

function child({ first, next, shorter, longest }: Nodes, node: number, unit: number): number {
  const known = node === 0 ? first[unit] : next.get(node * 0x10000 + unit)
  if (known) return known
  const added = shorter.push(0) - 1
  longest.push(undefined)
  if (node === 0) first[unit] = added
  else next.set(node * 0x10000 + unit, added)
  return added
}

/** Nodes were made level by level, and `next` has them in that order. */
function complete(nodes: Nodes): void {
  const { next, shorter, longest } = nodes
  for (const [key, node] of next) {
    const unit = key % 0x10000
    shorter[node] = step(nodes, shorter[(key - unit) / 0x10000] as number, unit)
    longest[node] ??= longest[shorter[node] as number]
  }
}

/** The longest node after `unit`. */
function step({ first, next, shorter }: Nodes, from: number, unit: number): number {
  for (let node = from; node !== 0; node = shorter[node] as number) {
    const found = next.get(node * 0x10000 + unit)
    if (found !== undefined) return found
  }
  return first[unit] as number
}

function hitsIn(nodes: Nodes, text: string): Hit[] {
  const { first, longest } = nodes
  const hits: Hit[] = []
  let node = 0
  for (let at = text.length - 1; at >= 0; at -= 1) {
    const unit = text.charCodeAt(at)
    node = node === 0 ? (first[unit] as number) : step(nodes, node, unit)
    const written = longest[node]
    if (written) hits.push({ at, written })
  }
  return hits
}
