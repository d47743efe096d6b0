/** The functions that every template has. */
import { TemplateError } from './limits.js'
import { str } from './python-text.js'
import { Range } from './sequences.js'
import { count, text } from './signature.js'
import { strftime } from './strftime.js'
import {
  Dict,
  either,
  Fn,
  iterate,
  type Keywords,
  listOf,
  Namespace,
  Thing,
  typeName,
  Undefined,
  type Value,
} from './values.js'

/** What a template raises itself: its text is shown as it is. */
export class RaisedError extends TemplateError {}

const LONGEST_RANGE = 100_000

/** `now` is the time of strftime_now(). */
export function globals(now: Date): Map<string, Value> {
  const functions: Record<string, (args: Value[], keywords: Keywords) => Value> = {
    cycler: (args) => new Cycler(args),
    joiner: ([separator = ', '], keywords) => joiner(either(keywords.get('sep'), () => separator)),
    namespace: (args, keywords) => namespace(args, keywords),
    raise_exception: ([message = '']) => {
      throw new RaisedError(str(message))
    },
    range: (args) => range(args.map((one) => count(one, 'range'))),
    strftime_now: ([format], keywords) =>
      strftime(now, text(format === undefined ? keywords.get('format') : format, 'strftime_now')),
  }
  const all = new Map<string, Value>([['dict', new DictType()]])
  for (const [name, run] of Object.entries(functions)) all.set(name, new Fn(name, run))
  return all
}

function range(bounds: number[]): Range {
  if (bounds.length < 1 || bounds.length > 3) throw new TemplateError('range expected 1 to 3 arguments')
  const [start, stop, step] =
    bounds.length === 1 ? [0, bounds[0] as number, 1] : [bounds[0] as number, bounds[1] as number, bounds[2] ?? 1]
  if (step === 0) throw new TemplateError('range() arg 3 must not be zero')
  const result = new Range(start, stop, step)
  if (result.length > LONGEST_RANGE) {
    throw new TemplateError(`Range too big. The sandbox blocks ranges larger than MAX_RANGE (${LONGEST_RANGE}).`)
  }
  return result
}

/** Pairs of a dict or of a list of pairs, and keywords after them. */
function dict(args: Value[], keywords: Keywords): Dict {
  const made = new Dict()
  if (args.length > 1) throw new TemplateError(`dict expected at most 1 argument, got ${args.length}`)
  const [given] = args
  if (given instanceof Undefined || given === undefined) return addAll(made, keywords)
  if (given instanceof Dict) return addAll(addAll(made, given.entries()), keywords)
  if (iterate(given) === undefined) throw new TemplateError(`'${typeName(given)}' object is not iterable`)
  for (const pair of listOf(given)) {
    const [key, value, ...more] = listOf(pair)
    if (key === undefined || value === undefined || more.length > 0) {
      throw new TemplateError('a dict is made of pairs')
    }
    made.set(key, value)
  }
  return addAll(made, keywords)
}

function addAll(made: Dict, entries: Iterable<readonly [Value, Value]>): Dict {
  for (const [key, value] of entries) made.set(key, value)
  return made
}

class DictType extends Thing {
  readonly type = 'TemplateDict'
  override isCallable(): boolean {
    return true
  }
  override call(args: Value[], keywords: Keywords): Value {
    return dict(args, keywords)
  }
  override attribute(name: string): Value | undefined {
    if (name !== 'fromkeys') return undefined
    return new Fn(name, ([keys = [], value = null]) =>
      addAll(
        new Dict(),
        listOf(keys).map((key) => [key, value] as const),
      ),
    )
  }
}

function namespace(args: Value[], keywords: Keywords): Namespace {
  const space = new Namespace(new Dict())
  for (const [name, value] of dict(args, keywords).entries()) {
    if (typeof name === 'string') space.put(name, value)
    else space.attributes.set(name, value)
  }
  return space
}

class Cycler extends Thing {
  readonly type = 'Cycler'
  private at = 0
  constructor(private readonly all: Value[]) {
    super()
    if (all.length === 0) throw new TemplateError('at least one item has to be provided')
  }
  override attribute(name: string): Value | undefined {
    if (name === 'current') return this.all[this.at]
    if (name === 'reset')
      return new Fn(name, () => {
        this.at = 0
        return null
      })
    return name === 'next' ? new Fn(name, () => this.move((this.at + 1) % this.all.length)) : undefined
  }
  /** Returns the item that was current. */
  private move(to: number): Value {
    const before = this.all[this.at] as Value
    this.at = to
    return before
  }
}

function joiner(separator: Value): Fn {
  let isUsed = false
  return new Fn('joiner', () => {
    const result = isUsed ? separator : ''
    isUsed = true
    return result
  })
}
