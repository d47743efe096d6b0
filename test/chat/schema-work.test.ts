/** Checking a value against a schema is bounded work. */
import { expect, test } from 'vitest'
import { misfit } from '../../src/chat/formats/schema.js'
import type { JsonObject } from '../../src/chat/types.js'

let written = 0
const counting = {
  toJSON(this: JsonObject) {
    written += 1
    return { ...this }
  },
}
const listed = (i: number): JsonObject =>
  Object.assign(Object.create(counting) as object, { number: i, text: 'x'.repeat(200) })

test('objects of an enum are written to be compared, up to a bound', () => {
  const schema = { type: 'array', items: { enum: Array.from({ length: 1000 }, (_, i) => listed(i)) } }
  written = 0
  expect(misfit([listed(999)], schema)).toBeUndefined()
  expect(written).toBe(1001)
  expect(misfit([listed(1000)], schema)).toBe('input.0: not one of its enum')
  written = 0
  // What would be too much work counts as fitting.
  const many = Array.from({ length: 500 }, () => listed(999))
  expect(misfit([...many, listed(1000)], schema)).toBeUndefined()
  expect(written).toBeLessThan(100_000)
})

test('a constant that does not fit is named in short', () => {
  expect(misfit('a', { const: 'x'.repeat(100_000) })?.length).toBeLessThan(500)
})

test('properties that many schemas have together are merged up to a bound', () => {
  const part = (i: number): JsonObject => ({ properties: { [`k${i}`]: { type: 'string' } }, required: [`k${i}`] })
  const all = (count: number) => ({ allOf: Array.from({ length: count }, (_, i) => part(i)) })
  expect(misfit({}, all(200))).toBe('input.k0: Field required')
  // What would be too much work allows everything.
  expect(misfit({}, all(900))).toBeUndefined()
})
