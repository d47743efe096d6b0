/** A --settings among the arguments for Claude Code. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { takeSettings } from '../../../src/cli/claude/forwarded-settings.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tether-forwarded-test-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('takeSettings', () => {
  test.each([
    [['-p', 'x'], { args: ['-p', 'x'] }],
    [['--settings', '{"a":1}', '-p'], { args: ['-p'], theirs: { a: 1 } }],
    [['--settings={"a":1}', '-p'], { args: ['-p'], theirs: { a: 1 } }],
    [['--settings', '{"a":1}', '--settings', '{"b":1}'], { args: [], theirs: { b: 1 } }],
    [['-p', '--', '--settings', 'x'], { args: ['-p', '--', '--settings', 'x'] }],
    [['-p', '--settings'], { args: ['-p', '--settings'] }],
  ])('takes the last --settings out of %j', (claudeArgs, expected) => {
    expect(takeSettings(claudeArgs)).toEqual(expected)
  })

  test('reads a file', () => {
    const path = join(folder, 's.json')
    writeFileSync(path, '{"a":2}')
    expect(takeSettings(['--settings', path])).toEqual({ args: [], theirs: { a: 2 } })
  })

  test.each(['{"a":', '/no/such/file'])('rejects %j', (given) => {
    expect(() => takeSettings(['--settings', given])).toThrow('cannot be read')
  })

  test('rejects a file that is not a JSON object', () => {
    const path = join(folder, 's.json')
    writeFileSync(path, '[1]')
    expect(() => takeSettings(['--settings', path])).toThrow('must be one JSON object')
  })
})
