/** Sizes, as users write them. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseSize, readValue } from '../../../src/cli/config/setting-value.js'
import type { SettingName } from '../../../src/cli/config/settings-table.js'

test.each<[unknown, unknown]>([
  ['a', '/in/a'],
  ['a, /b', '/in/a,/b'],
  [['a', '../b'], '/in/a,/b'],
  ['', undefined],
  ['a,', 'fault'],
  [[], undefined],
  [['a,b'], 'fault'],
  [[1], 'fault'],
  [7, 'fault'],
])('the list of paths %j is read as %j', (given, wanted) => {
  const read = readValue('adapter', given, '/in')
  expect('value' in read ? read.value : 'fault').toBe(wanted)
})

test.each<[SettingName, string, unknown]>([
  ['logFile', 'log', join(process.cwd(), 'log')],
  ['modelsDir', '~/models', join(homedir(), 'models')],
  ['draft', 'auto', 'auto'],
  ['draft', 'org/small', 'org/small'],
  ['draft', './small', join(process.cwd(), 'small')],
  ['draft', 'demo/model', join(process.cwd(), 'demo/model')],
  ['apiKeyFile', '-', '-'],
])('a path is absolute, and a word that means something else is none: %s %s', (name, given, value) => {
  expect(readValue(name, given)).toEqual({ value })
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
