/** Numbers, texts and listed values as a grammar says them. `false`: there is no such value. */
import type { JsonObject, JsonValue } from '../types.js'
import type { Keywords, Miss } from './keywords.js'
import { inAscii, MOST_REPEATED, patternFault } from './pattern.js'

export interface Told {
  /** What no grammar says, which is left out. */
  miss: Miss
  /** -> false. Why there is no value. */
  nothing(why: string): false
  /** Whether a grammar may repeat something so many times more: it does so by having it as often. */
  mayCount(times: number): boolean
  /** Whether names and texts are written as they are, without JSON's quotes and escapes. */
  isPlain: boolean
}

// Beyond, a grammar has no whole numbers of its own.
const LARGEST_WHOLE = 9.2e18
const LONG_WHOLE = 1e17
// Beyond, every number has more digits than these.
const LARGEST_UNBOUNDED = 1e19
const MOST_MULTIPLES = 10_000
const LARGEST_FACTOR = 1024
// Fractions of a range have six digits.
const GRID = 1e6
const LARGEST_ON_GRID = 1e9

/** Of `number` or `integer`. */
export function numberLeaf(keywords: Keywords, type: string, told: Told): JsonValue {
  const { multipleOf: factor } = keywords
  if (factor === undefined || (type === 'integer' && Number.isInteger(1 / factor))) {
    return type === 'integer' ? whole(keywords, told) : fraction(keywords, told)
  }
  const isWhole = Number.isInteger(factor) && factor <= LARGEST_FACTOR
  if (isWhole) return multiples(keywords, factor, type, told)
  told.miss(`multipleOf ${factor}`)
  return type === 'integer' ? whole(keywords, told) : fraction(keywords, told)
}

function whole({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Keywords, told: Told): JsonValue {
  let least = Math.max(Math.ceil(minimum ?? -Infinity), Math.floor(exclusiveMinimum ?? -Infinity) + 1)
  let most = Math.min(Math.floor(maximum ?? Infinity), Math.ceil(exclusiveMaximum ?? Infinity) - 1)
  if (least > most) return told.nothing(`a range of nothing, from ${least} to ${most}`)
  if (least > LARGEST_WHOLE || most < -LARGEST_WHOLE) {
    told.miss(`an integer beyond ${LARGEST_WHOLE}`)
    least = -Infinity
    most = Infinity
  }
  const range: JsonObject = { type: 'integer' }
  if (least > -LARGEST_UNBOUNDED) range.minimum = Math.max(least, -LARGEST_WHOLE) + 0
  if (most < LARGEST_UNBOUNDED) range.maximum = Math.min(most, LARGEST_WHOLE) + 0
  // With so many digits there is always one more.
  if (least >= LONG_WHOLE) range.maximum ??= LARGEST_WHOLE
  if (most <= -LONG_WHOLE) range.minimum ??= -LARGEST_WHOLE
  return range
}

function multiples(keywords: Keywords, factor: number, type: string, told: Told): JsonValue {
  const range = whole(keywords, told) as JsonObject | false
  if (range === false) return false
  const { minimum: least, maximum: most } = range
  if (typeof least === 'number' && typeof most === 'number' && most - least < MOST_MULTIPLES) {
    if (Math.ceil(least / factor) * factor > most)
      return told.nothing(`no multiple of ${factor} from ${least} to ${most}`)
    if (factor === 1 || told.mayCount((most - least) / factor)) return { ...range, multipleOf: factor }
    told.miss('multipleOf with so many multiples')
    return type === 'integer' ? range : fraction(keywords, told)
  }
  if (factor === 1) return range
  // Digits without end could be multiples.
  told.miss(`multipleOf without a minimum and a maximum that are near each other`)
  return type === 'integer' ? range : fraction(keywords, told)
}

function fraction({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Keywords, told: Told): JsonValue {
  const least = Math.max(minimum ?? -Infinity, exclusiveMinimum ?? -Infinity)
  const most = Math.min(maximum ?? Infinity, exclusiveMaximum ?? Infinity)
  const isAbove = exclusiveMinimum === least
  const isBelow = exclusiveMaximum === most
  if (least > most || (least === most && (isAbove || isBelow)))
    return told.nothing(`a range of nothing, from ${least} to ${most}`)
  if (!hasPointOfGrid(least, most, isAbove, isBelow)) {
    told.miss('a range of numbers that is narrower than a millionth')
    return { type: 'number' }
  }
  const range: JsonObject = { type: 'number' }
  if (least > -Infinity) range[isAbove ? 'exclusiveMinimum' : 'minimum'] = least + 0
  if (most < Infinity) range[isBelow ? 'exclusiveMaximum' : 'maximum'] = most + 0
  return range
}

function hasPointOfGrid(least: number, most: number, isAbove: boolean, isBelow: boolean): boolean {
  if (most - least > 2 / GRID) return true
  if (Math.abs(least) > LARGEST_ON_GRID) return false
  const first = Math.ceil(least * GRID) + (isAbove && Math.ceil(least * GRID) / GRID === least ? 1 : 0)
  return isBelow ? first / GRID < most : first / GRID <= most
}

export function textLeaf({ pattern, format, minLength = 0, maxLength }: Keywords, told: Told): JsonValue {
  const least = Math.max(0, Math.ceil(minLength))
  const most = Math.floor(maxLength ?? Infinity)
  if (least > most) return told.nothing(`a text of at least ${least} and at most ${most} characters`)
  const fault = pattern === undefined ? undefined : patternFault(pattern, told.isPlain)
  if (pattern !== undefined && fault === undefined) {
    if (least > 0 || most < Infinity) told.miss('minLength and maxLength beside a pattern')
    return { type: 'string', pattern: inAscii(pattern) }
  }
  if (fault !== undefined) told.miss(`the pattern ${pattern?.slice(0, 80)}, which ${fault}`)
  const size = sized({ least, most, least_: 'minLength', most_: 'maxLength' }, told)
  // A format is a note: lengths are none.
  const isBare = Object.keys(size).length === 0
  return { type: 'string', ...(isBare && format !== undefined ? { format } : size) }
}

/** Two bounds that a grammar counts to. */
export function sized(
  { least, most, least_, most_ }: { least: number; most: number; least_: string; most_: string },
  { miss, mayCount }: Told,
): JsonObject {
  const size: JsonObject = {}
  const counted = [least, most].filter((one) => one <= MOST_REPEATED)
  if (counted.length > 0 && !mayCount(Math.max(...counted))) {
    miss(`a ${most_} beside so many others`)
    return size
  }
  if (least > MOST_REPEATED) miss(`a ${least_} of more than ${MOST_REPEATED}`)
  else if (least > 0) size[least_] = least
  if (most < Infinity && most > MOST_REPEATED) miss(`a ${most_} of more than ${MOST_REPEATED}`)
  else if (most < Infinity) size[most_] = most
  return size
}

/** Whether all texts of a value can be written: half a character cannot. */
export function isWritable(value: JsonValue): boolean {
  const todo = [value]
  for (let one = todo.pop(); one !== undefined; one = todo.pop()) {
    if (typeof one === 'string' && !one.isWellFormed()) return false
    if (typeof one !== 'object' || one === null) continue
    if (!Array.isArray(one) && !Object.keys(one).every((key) => key.isWellFormed())) return false
    for (const inner of Object.values(one)) todo.push(inner)
  }
  return true
}
