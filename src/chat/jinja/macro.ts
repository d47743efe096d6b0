/** A macro as a value: it gives its arguments their places and runs its body. */
import type { Macro } from './ast.js'
import { TemplateError } from './limits.js'
import { Dict, either, type Keywords, Thing, Tuple, Undefined, type Value } from './values.js'

export class MacroThing extends Thing {
  readonly type = 'Macro'

  constructor(
    private readonly macro: Macro,
    private readonly run: (places: Map<string, Value>) => string,
  ) {
    super()
  }

  static lacking(name: string): Undefined {
    return new Undefined(`parameter '${name}' was not provided`)
  }

  override isCallable(): boolean {
    return true
  }
  override repr(): string {
    return `<Macro '${this.macro.name}'>`
  }
  override attribute(name: string): Value | undefined {
    const { macro } = this
    if (name === 'name') return macro.name
    if (name === 'arguments') return new Tuple(macro.parameters)
    if (name === 'catch_kwargs') return macro.uses.kwargs
    if (name === 'catch_varargs') return macro.uses.varargs
    return name === 'caller' ? macro.uses.caller : undefined
  }

  override call(args: Value[], keywords: Keywords): Value {
    const { name, parameters, uses } = this.macro
    const places = new Map<string, Value>()
    const rest = new Dict()
    for (const [i, parameter] of parameters.entries()) {
      const value = i < args.length ? args[i] : keywords.get(parameter)
      if (value !== undefined) places.set(parameter, value)
    }
    for (const [key, value] of keywords) {
      const at = parameters.indexOf(key)
      if (at < 0 && !(key === 'caller' && uses.caller)) rest.set(key, value)
      else if (at >= 0 && at < args.length) rest.set(key, value)
    }
    if (uses.caller && !parameters.includes('caller')) {
      places.set(
        'caller',
        either(keywords.get('caller'), () => new Undefined('No caller defined')),
      )
    }
    if (uses.kwargs) places.set('kwargs', rest)
    else if (rest.size > 0)
      throw new TemplateError(`macro '${name}' takes no keyword argument '${[...rest.keys()][0]}'`)
    if (uses.varargs) places.set('varargs', new Tuple(args.slice(parameters.length)))
    else if (args.length > parameters.length) {
      throw new TemplateError(`macro '${name}' takes not more than ${parameters.length} argument(s)`)
    }
    return this.run(places)
  }
}
