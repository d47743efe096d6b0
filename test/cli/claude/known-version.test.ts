/** The version of Claude Code is asked for once. */
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { knownVersion } from '../../../src/cli/claude/known-version.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tether-version-test-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const kept = () => join(folder, 'cache', 'claude.json')
const program = () => join(folder, 'claude')
/** It writes a line for each time that it runs. */
const write = (says: string) =>
  writeFileSync(program(), `#!/bin/sh\necho asked >> "${folder}/asked"\n${says}\n`, { mode: 0o755 })
const asked = () =>
  existsSync(join(folder, 'asked')) ? readFileSync(join(folder, 'asked'), 'utf8').split('\n').length - 1 : 0
const version = () => knownVersion(program(), kept())

test('it is kept in a private file', async () => {
  write('echo 2.1.330')
  expect([await version(), await version(), asked()]).toEqual(['2.1.330', '2.1.330', 1])
  expect(statSync(kept()).mode & 0o777).toBe(0o600)
})

test('an update is noticed', async () => {
  write('echo 2.1.330')
  await version()
  write('echo 2.1.1000')
  expect([await version(), asked()]).toEqual(['2.1.1000', 2])
})

test('what is kept is not believed if it is damaged, and a program that says nothing is asked each time', async () => {
  write('echo 2.1.330')
  await version()
  writeFileSync(kept(), '{"stamp":')
  expect([await version(), asked()]).toEqual(['2.1.330', 2])
  write(':')
  expect([await version(), await version(), asked()]).toEqual([undefined, undefined, 4])
})

test('a program that cannot run rejects, and nothing is kept', async () => {
  write('exit 127')
  await expect(version()).rejects.toThrow('a program that it starts does not exist')
  expect(existsSync(kept())).toBe(false)
})
