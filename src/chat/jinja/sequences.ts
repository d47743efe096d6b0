/** Iterators and ranges. */
import { Thing, type Value } from './values.js'

/** Python's iterators and generators: true whatever they hold, without a length, and read once. */
export class Iter extends Thing {
  private readonly iterator: Iterator<Value>
  constructor(
    items: Iterable<Value>,
    readonly type = 'generator',
  ) {
    super()
    this.iterator = items[Symbol.iterator]()
  }
  override *items(): Iterable<Value> {
    for (let next = this.iterator.next(); !next.done; next = this.iterator.next()) yield next.value
  }
}

export class Range extends Thing {
  readonly type = 'range'
  readonly length: number
  constructor(
    readonly start: number,
    readonly stop: number,
    readonly step: number,
  ) {
    super()
    this.length = Math.max(0, Math.ceil((stop - start) / step))
  }
  override *items(): Iterable<Value> {
    for (let i = 0; i < this.length; i++) yield this.start + i * this.step
  }
  override size(): number {
    return this.length
  }
  override attribute(name: string): Value | undefined {
    return name === 'start' || name === 'stop' || name === 'step' ? this[name] : undefined
  }
  override repr(): string {
    return `range(${this.start}, ${this.stop}${this.step === 1 ? '' : `, ${this.step}`})`
  }
}
