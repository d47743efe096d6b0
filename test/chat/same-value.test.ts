/** Values that are the same, in lists that are compared as sets. */
import { describe, expect, test } from 'vitest'
import { areApart } from '../../src/chat/grammar/apart.js'
import { areDistinct, common, keyOf } from '../../src/chat/grammar/same-value.js'
import type { JsonValue } from '../../src/chat/types.js'

test.each<[JsonValue, JsonValue]>([
  [
    { a: 1, b: [2] },
    { b: [2], a: 1 },
  ],
  [
    { 10: 1, 9: { y: 1, x: 2 } },
    { 9: { x: 2, y: 1 }, 10: 1 },
  ],
  [0, -0],
  [1, 1.0],
])('%j and %j are the same', (one, other) => expect(keyOf(one)).toBe(keyOf(other)))

test.each<[JsonValue, JsonValue]>([
  ['1', 1],
  ['null', null],
  ['"', '""'],
  [[], {}],
  [['a', 1], { a: 1 }],
  [{ a: 1 }, { o: [['a', 1]] }],
  [{ o: [['a', 1]] }, { o: { a: 1 } }],
  [[[]], []],
  [true, 'true'],
])('%j and %j are not', (one, other) => expect(keyOf(one)).not.toBe(keyOf(other)))

test('what two lists have in common comes in the order of the first', () => {
  expect(common([3, { b: 1, a: 2 }, '3', 1], [1, '3', { a: 2, b: 1 }])).toEqual([{ b: 1, a: 2 }, '3', 1])
  expect(areDistinct([1, 2], ['1', '2'])).toBe(true)
  expect(areDistinct([1, [2]], [[2]])).toBe(false)
})

/** A list that counts how often one of its values is read. */
function counting(values: number[]): { list: number[]; reads: () => number } {
  let reads = 0
  const list = new Proxy(values, {
    get(target, key, self) {
      if (typeof key === 'string' && /^[0-9]+$/.test(key)) reads += 1
      return Reflect.get(target, key, self)
    },
  })
  return { list, reads: () => reads }
}

const numbers = (from: number) => Array.from({ length: 900 }, (_, i) => from + i)

describe('of long lists each value is read a few times, not with each of the other', () => {
  test('in a merge', () => {
    const [one, other] = [counting(numbers(0)), counting(numbers(450))]
    for (let times = 0; times < 50; times += 1) expect(common(one.list, other.list)).toHaveLength(450)
    expect(other.reads()).toBeLessThan(2000)
    expect(one.reads()).toBeLessThan(50 * 2000)
  })

  test('in a choice', () => {
    const all = Array.from({ length: 20 }, (_, i) => counting(numbers(i * 900)))
    const places = { resolve: () => undefined, steps: 20_000 }
    for (const a of all) for (const b of all) if (a !== b) areApart({ enum: a.list }, { enum: b.list }, places)
    for (const { reads } of all) expect(reads()).toBeLessThan(2000)
    expect(places.steps).toBeLessThan(0)
  })
})
