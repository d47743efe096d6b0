/** Sizes, as users write them. */
import { expect, test } from 'vitest'
import { parseSize, readValue } from '../../../src/cli/config/setting-value.js'

test.each<[unknown, unknown]>([
  ['a', 'a'],
  ['a, b', 'a,b'],
  [['a', 'b'], 'a,b'],
  ['', undefined],
  ['a,', 'fault'],
  [[], undefined],
  [['a,b'], 'fault'],
  [[1], 'fault'],
  [7, 'fault'],
])('the list of paths %j is read as %j', (given, wanted) => {
  const read = readValue('adapter', given)
  expect('value' in read ? read.value : 'fault').toBe(wanted)
})

test.each([
  ['0', 0],
  ['4096', 4096],
  ['4096B', 4096],
  ['1KB', 1000],
  ['1KiB', 1024],
  ['1kib', 1024],
  ['2MB', 2e6],
  ['2MiB', 2 * 1024 ** 2],
  ['18GB', 18e9],
  ['18gb', 18e9],
  ['18G', 18e9],
  ['18GiB', 18 * 1024 ** 3],
  ['18Gi', 18 * 1024 ** 3],
  ['1.5G', 1.5e9],
  ['.5GB', 5e8],
  ['18 GB', 18e9],
  [' 18GB ', 18e9],
  ['1TB', 1e12],
  ['1TiB', 1024 ** 4],
  ['', undefined],
  ['GB', undefined],
  ['-1G', undefined],
  ['1e9', undefined],
  ['1,5G', undefined],
  ['18GBs', undefined],
  ['18 G B', undefined],
  ['iB', undefined],
  ['1iB', undefined],
  ['99999999TB', undefined],
])('%j is %j bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes)
})
