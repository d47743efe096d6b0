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

interface Meter {
  left: number
  depth: number
  /** A character that belongs to no text, which is written as it is where others are escaped. */
  verbatim: string
}

let meter: Meter = { left: BUDGET, depth: 0, verbatim: '' }

/** Runs a render with a full budget. */
export function metered<T>(verbatim: string, run: () => T): T {
  const outer = meter
  meter = { left: BUDGET, depth: 0, verbatim }
  try {
    return run()
  } catch (error) {
    if (error instanceof RangeError) throw new TemplateError(`it is nested too deeply or too large (${error.message})`)
    throw error
  } finally {
    meter = outer
  }
}

export function spend(units: number): void {
  meter.left -= units
  if (meter.left < 0) throw new TemplateError(`it takes more than ${BUDGET} steps`)
}

/** Counts a text before it is built, since one that is too large must not be built at all. */
export function building(length: number): void {
  spend(1 + length / 16)
}

export function built(text: string): string {
  building(text.length)
  return text
}

/** Counts a search through a text. */
export function searching(length: number): void {
  spend(1 + length / 128)
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
