/** The names of a template while it is rendered, and the text so far. */
import { built } from './limits.js'
import { Undefined, type Value } from './values.js'

/** What the template wrote, and the line it is at. One page serves all scopes of a render. */
export class Page {
  text = ''
  line = 1

  write(text: string): void {
    this.text += built(text)
  }

  /** What `run` writes, which the page does not keep. */
  capture(run: () => void): string {
    const before = this.text
    this.text = ''
    run()
    const text = this.text
    this.text = before
    return text
  }
}

/** Python's names of a function or block; a name that is assigned hides the one outside. */
export class Scope {
  readonly vars = new Map<string, Value>()
  /** Where the template's own names are, which its blocks see. */
  readonly top: Scope

  constructor(
    readonly page: Page,
    private readonly parent?: Scope,
    top?: Scope,
  ) {
    this.top = top ?? this
  }

  inner(): Scope {
    return new Scope(this.page, this, this.top)
  }

  get(name: string): Value {
    let scope: Scope | undefined = this
    do {
      const value = scope.vars.get(name)
      if (value !== undefined) return value
      scope = scope.parent
    } while (scope !== undefined)
    return new Undefined(`'${name}' is undefined`)
  }

  set(name: string, value: Value): void {
    this.vars.set(name, value)
  }
}
