/** Which Claude Code the tests run. */
import { join } from 'node:path'
import { expect, test } from 'vitest'

const { pinned, versionAsked } = await import(join(import.meta.dirname, '../../scripts/claude-code.mjs'))

test('the pinned version is run unless another is named, and other arguments stay', () => {
  expect(versionAsked(['test/e2e/claude.e2e.ts', '-t', 'says'])).toEqual({
    version: pinned,
    rest: ['test/e2e/claude.e2e.ts', '-t', 'says'],
  })
  expect(versionAsked(['-t', 'says', '--claude', '2.1.332'])).toEqual({ version: '2.1.332', rest: ['-t', 'says'] })
})

test.each([[['--claude']], [['--claude', 'latest']], [['--claude', '../../x']]])('%j is no version', (args) => {
  expect(() => versionAsked(args)).toThrow('--claude needs a version, such as 2.1.330.')
})
