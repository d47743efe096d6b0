/** Which command lines wait for the addon. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { commands } from '../../src/cli/command-table.js'
import { listVerbs } from '../../src/cli/known-verbs.js'

const { needsAddon } = await import(join(import.meta.dirname, '../../scripts/needs-addon.mjs'))

test('every command is among those that load a model, or among those that do not', () => {
  const loading = Object.keys(commands).filter((name) => needsAddon(name === 'run' ? [] : [name]))
  expect(loading.sort()).toEqual(['bench', 'doctor', 'launch', 'run', 'serve'])
  for (const verb of listVerbs) expect(needsAddon([verb])).toBe(false)
})

test('flags of Claude Code do not count', () => {
  expect(needsAddon(['--model', 'x', '--', '--help'])).toBe(true)
  expect(needsAddon(['--model', 'x', '--list'])).toBe(false)
})
