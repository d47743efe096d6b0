/** What a regular expression of tokenizer.json says, as a tree. */
import type { CharacterClass } from './classes.js'

export type Tree =
  | { kind: 'one'; of: CharacterClass }
  | { kind: 'all'; items: Tree[] }
  | { kind: 'any'; items: Tree[] }
  /** `most`: Infinity for no bound. `lazy`: as few as possible are tried first. */
  | { kind: 'repeat'; item: Tree; least: number; most: number; lazy: boolean }
  /** Looks at the text beside the place, and takes none of it. */
  | { kind: 'look'; item: Tree; behind: boolean; negated: boolean }

/** Whether it can match without taking a character. */
export function isNullable(tree: Tree): boolean {
  switch (tree.kind) {
    case 'one':
      return false
    case 'look':
      return true
    case 'all':
      return tree.items.every(isNullable)
    case 'any':
      return tree.items.some(isNullable)
    case 'repeat':
      return tree.least === 0 || isNullable(tree.item)
  }
}
