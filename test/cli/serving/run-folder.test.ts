/** Each machine, and each container of it, has a folder of its own in a home that they share. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { forgetOldPlaces, runFolder } from '../../../src/cli/serving/run-folder.js'
import { useTether } from '../../support/cli-fixture.js'

const tether = useTether()

/** As a container would have. */
const ownIds = ['unshare', '--user', '--map-root-user', '--pid', '--fork', '--mount-proc']
const canHaveOwnIds = spawnSync(ownIds[0] as string, [...ownIds.slice(1), 'true']).status === 0

const folderIn = (words: string[]) => {
  const file = pathToFileURL(join(tether.compiled, 'src', 'cli', 'serving', 'run-folder.js')).href
  const code = `console.log((await import(${JSON.stringify(file)})).runFolder('/home'))`
  const [program = '', ...args] = [...words, process.execPath, '--input-type=module', '-e', code]
  return execFileSync(program, args, { encoding: 'utf8' }).trim()
}

test('all processes of a machine have the same one', () => {
  expect(folderIn([])).toBe(runFolder('/home'))
  expect(dirname(runFolder('/home'))).toBe(join('/home', '.tether', 'run'))
})

test.runIf(canHaveOwnIds)('a container in which process ids mean something else has another one', () => {
  const theirs = folderIn(ownIds)
  expect(dirname(theirs)).toBe(dirname(runFolder('/home')))
  expect(basename(theirs)).not.toBe(basename(runFolder('/home')))
})

test('those of other places are deleted once nothing has changed in them for a week', () => {
  const base = mkdtempSync(join(tmpdir(), 'tether-places-test-'))
  onTestFinished(() => rmSync(base, { recursive: true }))
  const day = 24 * 3600
  const now = Date.now() / 1000
  const ages = { '0000000a': 8 * day, '0000000b': 6 * day, '0000000c': 8 * day, mine: 8 * day }
  for (const [name, age] of Object.entries(ages)) {
    mkdirSync(join(base, name))
    writeFileSync(join(base, name, '7.json'), '{}')
    utimesSync(join(base, name), now - age, now - age)
  }
  forgetOldPlaces(join(base, '0000000c'))
  expect(readdirSync(base).sort()).toEqual(['0000000b', '0000000c', 'mine'])
  expect(() => forgetOldPlaces(join(base, 'none', 'deeper'))).not.toThrow()
})
