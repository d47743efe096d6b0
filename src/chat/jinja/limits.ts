/**
 * Bounds what a template may do. A template comes from anywhere, so its work is counted: a step costs one unit, a text
 * that is built or searched costs units by its length. Rendering is synchronous, so one meter serves all templates.
 */

/** Why a template cannot be read or rendered. `line` is the template's, where it is known. */
export class TemplateError extends Error {
  override name = 'TemplateError'
  line: number | undefined

  constructor(message: string, line?: number) {
    super(line === undefined ? message : `line ${line}: ${message}`)
    this.line = line
  }
}

/** What a template may spend: a few seconds at most, or 128 million characters. */
const BUDGET = 8e6
const DEEPEST = 200

/** For steps that take longer than they count. */
const MOST_MS = 10_000
/** Steps between two looks at the clock. */
const LOOK_EVERY = 1024

/** What several renders may spend together. */
interface Purse {
  left: number
  ends: number
}

interface Meter {
  left: number
  ends: number
  untilLook: number
  depth: number
  /** A character that belongs to no text, which is written as it is where others are escaped. */
  verbatim: string
}

let meter: Meter = { left: BUDGET, ends: Number.POSITIVE_INFINITY, untilLook: LOOK_EVERY, depth: 0, verbatim: '' }
let purse: Purse | undefined

function newMeter(verbatim: string): Meter {
  const { left = BUDGET, ends = performance.now() + MOST_MS } = purse ?? {}
  return { left, ends, untilLook: LOOK_EVERY, depth: 0, verbatim }
}

/** Runs a render with a full budget, or with what is left of that of `sharing`. */
export function metered<T>(verbatim: string, run: () => T): T {
  const outer = meter
  meter = newMeter(verbatim)
  try {
    return run()
  } catch (error) {
    if (error instanceof RangeError) throw new TemplateError(`it is nested too deeply or too large (${error.message})`)
    throw error
  } finally {
    if (purse) purse.left = meter.left
    meter = outer
  }
}

/** Runs what renders several times, with one budget for all of it. */
export function sharing<T>(run: () => T): T {
  if (purse) return run()
  purse = { left: BUDGET, ends: performance.now() + MOST_MS }
  try {
    return run()
  } finally {
    purse = undefined
  }
}

export function spend(units: number): void {
  meter.left -= units
  if (meter.left < 0) throw new TemplateError(`it takes more than ${BUDGET} steps`)
  meter.untilLook -= 1 + units / 64
  if (meter.untilLook > 0) return
  meter.untilLook = LOOK_EVERY
  if (performance.now() > meter.ends) throw new TemplateError(`it takes more than ${MOST_MS / 1000} seconds`)
}

/** Counts a text before it is built, since one that is too large must not be built at all. */
export function building(length: number): void {
  spend(1 + length / 16)
}

export function built(text: string): string {
  building(text.length)
  return text
}

/** Counts a walk through a text, character by character. */
export function walking(length: number): void {
  spend(1 + length)
}

/** Counts a search through a text. */
export function searching(length: number): void {
  spend(1 + length / 128)
}

/** Counts a search for a part, which takes the product of both lengths at worst. */
export function seeking(text: string, part: string): void {
  searching(text.length * (1 + part.length / 16))
}

/** Runs a macro or a recursive loop one level deeper. */
export function deeper<T>(run: () => T): T {
  if (meter.depth >= DEEPEST) throw new TemplateError(`it calls itself more than ${DEEPEST} levels deep`)
  meter.depth++
  const result = run()
  meter.depth--
  return result
}

export function isVerbatim(character: string): boolean {
  return character === meter.verbatim
}
