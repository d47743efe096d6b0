/** The variable `loop` inside a for loop. */
import { equal } from './compare.js'
import { TemplateError } from './limits.js'
import { either, Fn, type Keywords, Thing, Tuple, Undefined, type Value } from './values.js'

export class Loop extends Thing {
  readonly type = 'LoopContext'
  index0 = 0
  private lastChanged: Value | undefined

  constructor(
    private readonly all: readonly Value[],
    private readonly depth0: number,
    private readonly recurse: ((items: Value, depth0: number) => string) | undefined,
  ) {
    super()
  }

  override size(): number {
    return this.all.length
  }
  override isCallable(): boolean {
    return true
  }
  override call([items]: Value[], _keywords: Keywords): Value {
    if (!this.recurse) throw new TemplateError("The loop must have the 'recursive' marker to be called recursively.")
    if (items === undefined) throw new TemplateError('loop() takes what to loop over')
    return this.recurse(items, this.depth0 + 1)
  }
  override repr(): string {
    return `<LoopContext ${this.index0 + 1}/${this.all.length}>`
  }
  override attribute(name: string): Value | undefined {
    const { all, index0, depth0 } = this
    switch (name) {
      case 'index':
        return index0 + 1
      case 'index0':
        return index0
      case 'first':
        return index0 === 0
      case 'last':
        return index0 === all.length - 1
      case 'length':
        return all.length
      case 'revindex':
        return all.length - index0
      case 'revindex0':
        return all.length - index0 - 1
      case 'depth':
        return depth0 + 1
      case 'depth0':
        return depth0
      case 'previtem':
        return either(all[index0 - 1], () => new Undefined('there is no previous item'))
      case 'nextitem':
        return either(all[index0 + 1], () => new Undefined('there is no next item'))
      case 'cycle':
        return new Fn(name, (args) => either(args[index0 % args.length], noItems))
      case 'changed':
        return new Fn(name, (args) => this.changed(new Tuple(args)))
      default:
        return undefined
    }
  }

  private changed(values: Tuple): boolean {
    if (this.lastChanged !== undefined && equal(this.lastChanged, values)) return false
    this.lastChanged = values
    return true
  }
}

function noItems(): never {
  throw new TemplateError('no items for cycling given')
}
