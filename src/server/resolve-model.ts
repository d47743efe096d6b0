/** Which model a request means by the name that it gives. The only place that knows. */

export interface ModelNames {
  /** What answers names that are nobody's here, such as claude-opus-5-5. */
  first: string
  /** All that there are, with the first. */
  all: readonly string[]
  /** What answers Claude Code's background requests. Unset: the first does. */
  small?: string
}

export interface Resolved {
  model: string
}

/** `name`: as a request has it; undefined: it has none. */
export function resolveModel(name: string | undefined, { first, all, small }: ModelNames): Resolved {
  if (name === undefined) return { model: first }
  if (all.includes(name)) return { model: name }
  // Or one of its adapters, which the turn itself chooses.
  const base =
    all.find((one) => name.startsWith(`${one}:`) || one.startsWith(`${name}:`)) ??
    all.find((one) => isOrStarts(name, lastPart(one)) || lastPart(one).startsWith(`${name}:`))
  if (base !== undefined) return { model: base }
  if (small !== undefined && isHaiku(name)) return { model: small }
  return { model: first }
}

function isOrStarts(name: string, model: string): boolean {
  return name === model || name.startsWith(`${model}:`)
}

/** Of ORG/NAME the NAME, as --model takes it too. */
function lastPart(model: string): string {
  return model.split('/').at(-1) ?? model
}

/** Anthropic's small models (claude-haiku-5-5, claude-3-5-haiku-20241022, haiku), and what tether tells Claude Code to ask for. */
function isHaiku(name: string): boolean {
  return name === 'tether-small' || /^(?:claude-(?:[\w.]+-)*)?haiku(?:[-@[]|$)/i.test(name)
}
