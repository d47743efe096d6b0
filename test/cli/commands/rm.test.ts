/** `tether rm` as a program: what it says, what it asks, and that a server's model stays. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runFolder } from '../../../src/cli/serving/run-folder.js'
import { writeAbout } from '../../../src/prefixes/about.js'
import { useTether } from '../../support/cli-fixture.js'
import { writeRecord } from '../../support/kept-prefixes.js'
import { writeModel } from '../../support/model-folders.js'

const tether = useTether()
const run = (...args: string[]) => tether.start(['rm', ...args]).ended
const models = () => join(tether.place.home, '.tether', 'models')
const prefixes = () => join(tether.place.home, '.tether', 'cache', 'prefixes')
const fingerprint = '0123456789abcdef'.repeat(2)

function have(name: string): string {
  const path = writeModel(join(models(), name))
  writeFileSync(join(path, '.pulled.json'), '{}')
  return path
}

function keepPrompts(path: string): void {
  writeAbout(join(prefixes(), fingerprint), { model: 'any', path })
  writeRecord(join(prefixes(), fingerprint), { block: 'a', payload: 2_000_000 })
}

describe('tether rm', () => {
  test('deletes a model and what is kept of its prompts, and says how much', async () => {
    const path = have('org/gemma')
    keepPrompts(path)
    writeFileSync(join(tether.place.home, '.tether', 'last-model.json'), JSON.stringify({ path }))
    const { code, stdout, stderr } = await run('gemma', '--yes')
    expect([code, stdout]).toEqual([0, ''])
    expect(stderr.split('\n').slice(1)).toEqual([
      expect.stringMatching(/^tether: org\/gemma: \d+ KB in 4 files, ~\/\.tether\/models\/org\/gemma$/),
      'tether: kept of its prompts: 2.0 MB in ~/.tether/cache/prefixes',
      expect.stringMatching(/^tether: deleted org\/gemma: \d+ KB freed$/),
      'tether: deleted what was kept of its prompts: 2.0 MB freed',
      '',
    ])
    expect([readdirSync(models()), readdirSync(prefixes())]).toEqual([[], []])
    expect(existsSync(join(tether.place.home, '.tether', 'last-model.json'))).toBe(false)
  })

  test('with --dry-run only says it', async () => {
    keepPrompts(have('org/gemma'))
    const { code, stderr } = await run('gemma', '--dry-run')
    expect(code).toBe(0)
    expect(stderr).toMatch(/org\/gemma: \d+ KB in 4 files/)
    expect(stderr).not.toContain('deleted')
    expect([readdirSync(models()), readdirSync(prefixes())]).toEqual([['org'], [fingerprint]])
  })

  test('without a terminal deletes nothing unless --yes is given', async () => {
    have('org/gemma')
    const { code, stderr } = await run('gemma')
    expect([code, stderr]).toEqual([2, expect.stringContaining('\n  tether rm gemma --yes\n')])
    expect(readdirSync(models())).toEqual(['org'])
  })

  test.each([
    ['y', 0, []],
    ['n', 1, ['org']],
    ['\r', 1, ['org']],
    ['\u0003', 130, ['org']],
  ])('in a terminal asks, and after %j ends with %i', async (key, status, left) => {
    have('org/gemma')
    const terminal = tether.openUntilStatus(['rm', 'gemma'], { columns: 40 })
    await terminal.shows(/Delete \d+ KB\?/)
    terminal.type(key)
    await terminal.shows(`status ${status}`)
    expect(readdirSync(models())).toEqual(left)
  })

  test('of several names deletes none if one is wrong', async () => {
    have('org/gemma')
    const { code, stderr } = await run('gemma', 'lama', '--yes')
    expect([code, stderr]).toEqual([1, expect.stringContaining('no model named lama on this machine')])
    expect(readdirSync(models())).toEqual(['org'])
  })

  test('deletes several', async () => {
    have('org/gemma')
    have('llama')
    expect((await run('gemma', 'llama', 'org/gemma', '-y')).code).toBe(0)
    expect(readdirSync(models())).toEqual([])
  })

  test('says that the demo model is part of tether, unless a model of the user has its name', async () => {
    expect(await run('demo')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the demo model is part of tether'),
    })
    const path = have('org/demo')
    expect((await run('demo', '--yes')).code).toBe(0)
    expect(existsSync(path)).toBe(false)
  })

  test('leaves the model of a server that runs', async () => {
    const path = have('org/gemma')
    const folder = runFolder(tether.place.home)
    mkdirSync(folder, { recursive: true })
    const shared = { socket: '/none', path, stamp: '', settings: { draft: 'auto' } }
    const record = { pid: process.pid, url: 'http://127.0.0.1:8099', model: 'org/gemma', started: '2026', shared }
    const write = (more: object) =>
      writeFileSync(join(folder, `${process.pid}.json`), JSON.stringify({ ...record, ...more }))
    const asDrafter = { ...shared, path: '/other', settings: { draft: path } }
    const other = { name: 'second', path: '/second', stamp: '', settings: {} }
    const asSecond = { ...shared, path: '/other', others: [{ ...other, path }] }
    const asDrafterOfSecond = { ...shared, path: '/other', others: [{ ...other, settings: { draft: path } }] }
    const asAdapter = { ...shared, path: '/other', settings: { adapter: `/pirate,${path}` } }
    const others = [asDrafter, asSecond, asDrafterOfSecond, asAdapter].map((one) => ({ model: 'other', shared: one }))
    for (const more of [{}, { shared: undefined }, ...others]) {
      write(more)
      const { code, stderr } = await run('gemma', '--yes')
      expect([code, stderr]).toEqual([1, expect.stringContaining('so nothing was deleted')])
      expect(stderr).toContain('\n  tether stop 8099\n')
    }
    expect(readdirSync(path)).toContain('config.json')
  })

  test('writes no control character of a name', async () => {
    have('a\u001b[31mb')
    const { stderr } = await run('a\u001b[31mb', '--dry-run')
    expect(stderr).toContain('a\\x1b[31mb: ')
    expect(stderr).not.toContain('\u001b')
  })
})
