/** A tree as steps that the matcher follows. */
import type { CharacterClass } from './classes.js'
import type { Tree } from './tree.js'

export type Step =
  /** Takes a character of the class. `back`: the one before. */
  | { op: 'one'; of: CharacterClass; back: boolean; next: number }
  /** Takes as many characters of the class as there are: what follows matches whatever comes. */
  | { op: 'run'; of: CharacterClass; next: number }
  /** Goes on at `first`, or else at `second`. `at`: which of the program's splits it is. */
  | { op: 'split'; first: number; second: number; at: number }
  | { op: 'look'; start: number; negated: boolean; next: number; at: number }
  | { op: 'end' }

export interface Program {
  steps: Step[]
  start: number
  /** How many splits, and how many looks, it has. */
  splits: number
  looks: number
  /** Whether it looks at text before a match. */
  looksBehind: boolean
}

/** The patterns in use have some hundred. */
const MOST_STEPS = 1000

/** Throws an Error for a tree that is too large. */
export function compile(tree: Tree): Program {
  const compiler = new Compiler()
  const start = compiler.add(tree, compiler.end, false)
  const { splits, looks, looksBehind } = compiler
  return { steps: compiler.steps, start, splits, looks, looksBehind }
}

class Compiler {
  readonly steps: Step[] = [{ op: 'end' }]
  readonly end = 0
  splits = 0
  looks = 0
  looksBehind = false

  /** -> the step that matches the tree and goes on at `next`; built from its end, or backwards from its beginning. */
  add(tree: Tree, next: number, back: boolean): number {
    switch (tree.kind) {
      case 'one':
        return this.push({ op: 'one', of: tree.of, back, next })
      case 'all': {
        const items = back ? tree.items : tree.items.toReversed()
        return items.reduce((after, item) => this.add(item, after, back), next)
      }
      case 'any': {
        const starts = tree.items.map((item) => this.add(item, next, back))
        return starts.reduceRight((second, first) => this.split(first, second))
      }
      case 'look': {
        const start = this.add(tree.item, this.end, tree.behind)
        this.looksBehind ||= tree.behind
        return this.push({ op: 'look', start, negated: tree.negated, next, at: this.looks++ })
      }
      case 'repeat':
        return this.repeat(tree, next, back)
    }
  }

  private repeat(tree: Tree & { kind: 'repeat' }, next: number, back: boolean): number {
    const { item, least, most, lazy } = tree
    let start = next
    if (most === Number.POSITIVE_INFINITY) start = this.loop(item, next, { lazy, back })
    else for (let i = least; i < most; i += 1) start = this.either(this.add(item, start, back), next, lazy)
    for (let i = 0; i < least; i += 1) start = this.add(item, start, back)
    return start
  }

  private loop(item: Tree, next: number, { lazy, back }: { lazy: boolean; back: boolean }): number {
    const after = this.steps[next] as Step
    if (item.kind === 'one' && !lazy && !back && (after.op === 'end' || after.op === 'run')) {
      return this.push({ op: 'run', of: item.of, next })
    }
    const split = this.split(0, 0)
    const inner = this.add(item, split, back)
    const step = this.steps[split] as Step & { op: 'split' }
    step.first = lazy ? next : inner
    step.second = lazy ? inner : next
    return split
  }

  private either(inner: number, next: number, lazy: boolean): number {
    return lazy ? this.split(next, inner) : this.split(inner, next)
  }

  private split(first: number, second: number): number {
    return this.push({ op: 'split', first, second, at: this.splits++ })
  }

  private push(step: Step): number {
    if (this.steps.length >= MOST_STEPS) throw new Error(`it comes to more than ${MOST_STEPS} steps`)
    return this.steps.push(step) - 1
  }
}
