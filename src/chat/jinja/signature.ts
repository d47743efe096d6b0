/** Gives arguments their parameters' places, as Python does. */
import { TemplateError } from './limits.js'
import { Float, type Keywords, Tuple, typeName, type Value } from './values.js'

/** A missing optional argument is undefined. `parameters` are names; those from the `?` on are optional. */
export function place(
  name: string,
  parameters: readonly string[],
  args: readonly Value[],
  keywords: Keywords,
): (Value | undefined)[] {
  const places: (Value | undefined)[] = [...args]
  if (args.length > parameters.length) {
    throw new TemplateError(`${name}() takes ${parameters.length} arguments, but ${args.length} were given`)
  }
  for (const [key, value] of keywords) {
    const at = parameters.findIndex((parameter) => parameter.replace('?', '') === key)
    if (at < 0) throw new TemplateError(`${name}() got an unexpected keyword argument '${key}'`)
    if (places[at] !== undefined) throw new TemplateError(`${name}() got multiple values for argument '${key}'`)
    places[at] = value
  }
  const lacking = parameters.find((parameter, i) => !parameter.endsWith('?') && places[i] === undefined)
  if (lacking !== undefined) throw new TemplateError(`${name}() lacks its argument '${lacking}'`)
  return places
}

export function text(value: Value | undefined, name: string): string {
  if (typeof value === 'string') return value
  throw new TemplateError(`${name}() takes a str, not ${typeName(value ?? null)}`)
}

export function count(value: Value | undefined, name: string): number {
  if (typeof value === 'number') return value
  if (typeof value === 'boolean') return Number(value)
  if (typeof value === 'bigint') return Number(value)
  const kind = value instanceof Float ? 'float' : typeName(value ?? null)
  throw new TemplateError(`${name}() takes an int, not ${kind}`)
}

/** A text, or a tuple of texts to try. */
export function texts(value: Value | undefined, name: string): string[] {
  return value instanceof Tuple ? value.items.map((one) => text(one, name)) : [text(value, name)]
}
