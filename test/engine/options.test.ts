/** The options of src/options.ts are those of native/engine/options.h. */
import { describe, expect, it } from 'vitest'
import { loadBinding } from '../../src/binding.js'
import { loadOptions, type Option, optionFault, requestOptions } from '../../src/options.js'

const ranges = (table: Record<string, Option>) =>
  Object.fromEntries(
    Object.entries(table).map(([name, { kind, among, least = 0, most = Math.max(...(among ?? [])) }]) => [
      name,
      { least, most, whole: kind !== 'number' },
    ]),
  )

describe('the options', () => {
  it.each([
    ['load', loadOptions],
    ['sampling', requestOptions],
  ] as const)('of %s have the same names and ranges in the addon', (table, options) => {
    expect(loadBinding().optionRanges[table]).toEqual(ranges(options))
  })
})

describe('the fault of an option', () => {
  const whole: Option = { key: 'n', kind: 'whole', least: 1, most: 3, hint: 'N', help: '' }
  it.each<[Option, unknown, string | undefined]>([
    [whole, 3, undefined],
    [whole, 4, 'a whole number between 1 and 3'],
    [whole, 1.5, 'a whole number between 1 and 3'],
    [whole, '2', 'a whole number between 1 and 3'],
    [{ ...whole, kind: 'number' }, 1.5, undefined],
    [{ ...whole, kind: 'number' }, Number.NaN, 'a number between 1 and 3'],
    [loadOptions.kvBits, 8, undefined],
    [loadOptions.kvBits, 5, '0, 4, 8, 16 or 32'],
    [{ key: 'w', kind: 'choice', of: ['a', 'b'], hint: 'W', help: '' }, 'b', undefined],
    [{ key: 'w', kind: 'choice', of: ['a', 'b'], hint: 'W', help: '' }, 'c', 'a or b'],
  ])('%j with the value %j is: %s', (option, value, fault) => {
    expect(optionFault(option, value)).toBe(fault)
  })
})
