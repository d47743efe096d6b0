/** Bounds how much a tokenizer's file may make of a text. */
import { TetherError } from '../../errors.js'
import type { Fail } from './file.js'

/** Some characters have eighteen in a compatible form. */
const MOST_TIMES = 20
const SPARE = 10_000
const MOST = 2 ** 27
/** Of what is put in for a match or in front of a text: files in use have one character or a few. */
const MOST_ADDED = 64

/** Throws `invalid_request` where a text of `length` characters would be made of `text`. */
export function checkGrowth(text: string, length: number): void {
  if (length <= Math.min(MOST, text.length * MOST_TIMES + SPARE)) return
  throw new TetherError('invalid_request', "this model's tokenizer makes too much of a text: its normalizer grows it")
}

/** A text that a file puts into others. */
export function readAddition(value: unknown, fail: Fail): string {
  const text = String(value ?? '')
  if (text.length > MOST_ADDED) return fail(`puts more than ${MOST_ADDED} characters into a text at once`)
  return text
}
