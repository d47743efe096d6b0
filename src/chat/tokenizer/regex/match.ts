/**
 * Matches a program in time that is linear in the text, whatever the pattern: it backtracks as Oniguruma does, and remembers
 * which splits failed at which place, so that none is tried twice there. Patterns have no back references and no loop that
 * takes nothing, so a split that failed once fails whichever way it is reached.
 */
import { type Marks, makeMarks, tooLong } from './marks.js'
import type { Program, Step } from './program.js'

/** The leftmost match from a place on, in one text. undefined: there is none. */
export type Find = (from: number) => [start: number, end: number] | undefined

/** Numbers on the stack, two to an entry. */
const MOST_STACK = 2 ** 24

export function finder({ steps, start, splits, looks, looksBehind }: Program, text: string): Find {
  const runner = new Runner(steps, text, makeMarks(splits), makeLooks(splits, looks))
  return (from) => {
    for (let at = from; at <= text.length; at += 1) {
      if (!looksBehind) runner.forget(at)
      const end = runner.run(start, at, false)
      if (end >= 0) return [at, end]
      // Never between the halves of a character.
      if (at + 1 < text.length && (text.charCodeAt(at) & 0xfc00) === 0xd800) at += 1
    }
    return undefined
  }
}

/** What is known of looks: where one found something or nothing, and which splits led one to something. */
interface Looks {
  found: Marks
  missed: Marks
  led: Marks
}

function makeLooks(splits: number, looks: number): Looks {
  return { found: makeMarks(looks), missed: makeMarks(looks), led: makeMarks(splits) }
}

class Runner {
  /** A step to go on at and the place; or, as a negative number, a split whose ways are tried above it. */
  private readonly stack: number[] = []

  constructor(
    private readonly steps: Step[],
    private readonly text: string,
    private readonly failed: Marks,
    private readonly looks: Looks,
  ) {}

  /** No match will begin before this place. */
  forget(place: number): void {
    const { failed, looks } = this
    for (const marks of [failed, looks.found, looks.missed, looks.led]) marks.forget(place)
  }

  /** Where the match at `place` ends, -1 without one. `looking`: only whether there is one counts. */
  run(from: number, place: number, looking: boolean): number {
    const { stack, steps } = this
    const base = stack.length
    let pc = from
    let at = place
    for (;;) {
      const step = steps[pc] as Step
      if (step.op === 'one') {
        at = step.back ? this.before(step, at) : this.after(step, at)
        pc = step.next
      } else if (step.op === 'run') {
        at = this.runEnd(step, at)
        pc = step.next
      } else if (step.op === 'split') {
        const first = steps[step.first] as Step
        // Most ways fail at their first character.
        if (first.op === 'one' && !first.back && this.after(first, at) < 0) {
          pc = step.second
          continue
        }
        if (looking && this.looks.led.has(step.at, at)) break
        if (this.failed.has(step.at, at)) at = -1
        else {
          stack.push(-1 - step.at, at, step.second, at)
          pc = step.first
        }
      } else if (step.op === 'look') {
        if (this.finds(step, at) === step.negated) at = -1
        pc = step.next
      } else break
      while (at < 0) {
        if (stack.length === base) return -1
        at = stack.pop() as number
        pc = stack.pop() as number
        if (pc >= 0) break
        this.failed.add(-1 - pc, at)
        at = -1
      }
      if (stack.length > MOST_STACK) throw tooLong()
    }
    for (let i = base; looking && i < stack.length; i += 2) {
      const split = stack[i] as number
      if (split < 0) this.looks.led.add(-1 - split, stack[i + 1] as number)
    }
    stack.length = base
    return at
  }

  private finds(step: Step & { op: 'look' }, at: number): boolean {
    const { found, missed } = this.looks
    if (found.has(step.at, at)) return true
    if (missed.has(step.at, at)) return false
    const result = this.run(step.start, at, true) >= 0
    if (result) found.add(step.at, at)
    else missed.add(step.at, at)
    return result
  }

  /** After the character at this place, -1 if it is not of the class. */
  private after({ of }: Step & { op: 'one' }, at: number): number {
    if (at >= this.text.length) return -1
    const code = this.text.codePointAt(at) as number
    return of.has(code) ? at + (code > 0xffff ? 2 : 1) : -1
  }

  private before({ of }: Step & { op: 'one' }, at: number): number {
    if (at <= 0) return -1
    const isPair = at > 1 && (this.text.charCodeAt(at - 1) & 0xfc00) === 0xdc00
    const start = at - (isPair ? 2 : 1)
    return of.has(this.text.codePointAt(start) as number) ? start : -1
  }

  private runEnd({ of }: Step & { op: 'run' }, from: number): number {
    let at = from
    while (at < this.text.length) {
      const code = this.text.codePointAt(at) as number
      if (!of.has(code)) break
      at += code > 0xffff ? 2 : 1
    }
    return at
  }
}
