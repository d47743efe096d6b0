/** tether doctor: what it finds, and its exit status. */
import { existsSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Finding } from '../../../src/cli/doctor/report.js'
import { useTether } from '../../support/cli-fixture.js'
import { writeRecord } from '../../support/kept-prefixes.js'
import { writeModel } from '../../support/model-folders.js'

const tether = useTether()
// doctor loads the real addon, not the fake library.
beforeAll(() => symlinkSync(join(import.meta.dirname, '..', '..', '..', 'build'), join(tether.compiled, 'build')))

describe('tether doctor', () => {
  const findings = async (args: string[] = []) => {
    const { code, stdout, stderr } = await tether.start(['doctor', '--json', ...args]).ended
    expect(stderr).toBe('')
    const all = JSON.parse(stdout) as Finding[]
    return { code, all, of: (about: string) => all.find((finding) => finding.about === about) }
  }
  const addModel = () => writeModel(join(tether.place.home, '.tether', 'models', 'org', 'small'))

  test('in an empty home says what is missing and how to get it, with status 1', async () => {
    const { code, stdout, stderr } = await tether.start(['doctor']).ended
    expect([code, stderr]).toEqual([1, ''])
    expect(stdout).toMatch(/^tether 1\.2\.3 on /)
    expect(stdout).toMatch(
      / FAIL {2}models {4}0 in ~\/\.tether\/models and in the Hugging Face cache\n +-> download one:\n +tether pull \S+\/\S+\n/,
    )
    expect(stdout).toMatch(/ FAIL {2}claude {4}not found\n +-> npm install -g @anthropic-ai\/claude-code/)
    expect(stdout).toMatch(/\n2 problems to fix\.\n$/)
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    expect(existsSync(join(tether.place.home, '.tether', 'config'))).toBe(false)
  })

  test('with a model and a claude finds no problem, with status 0', async () => {
    addModel()
    const { code, stdout } = await tether.start(['doctor', '--claude-path', tether.place.claude, '--port', '0']).ended
    expect(stdout).not.toContain('FAIL')
    expect(stdout).toMatch(/ ok +models +1 in ~\/\.tether\/models/)
    expect(stdout).toMatch(/ ok +claude +2\.1\.330, /)
    expect(stdout).toMatch(/\nNo problems found\.\n$/)
    expect(code).toBe(0)
  })

  test('--json prints a list of findings, each fault with a fix', async () => {
    const { code, all } = await findings()
    expect(code).toBe(1)
    const abouts = ['addon', 'MLX', 'BLAS', 'memory', 'models', 'claude', 'config', 'port', 'cache', 'prefixes', 'logs']
    expect(all.map(({ about }) => about)).toEqual(abouts)
    const failed = all.filter(({ verdict }) => verdict === 'fail')
    expect(failed.map(({ about }) => about)).toEqual(['models', 'claude'])
    for (const { fix } of failed) expect(fix).toMatch(/\w/)
  })

  test.each([
    ['is not TOML', '[server]\nport = \n', /^~\/\.tether\/config\/10-test\.toml:[23]: /],
    ['has a wrong value', '\n[server]\nport = "x"\n', /^~\/\.tether\/config\/10-test\.toml:3: port must be /],
  ])('names the line of a file that %s, and runs the other checks', async (_, text, where) => {
    tether.configure(text)
    addModel()
    const { code, of } = await findings(['--claude-path', tether.place.claude])
    expect(code).toBe(1)
    expect(of('config')).toMatchObject({ verdict: 'fail', detail: expect.stringMatching(where) })
    expect(of('models')).toMatchObject({ verdict: 'ok' })
    expect(of('claude')).toMatchObject({ verdict: 'ok' })
  })

  test('notes an unknown key', async () => {
    tether.configure('[server]\nprot = 1\n')
    const { of } = await findings()
    expect(of('config')).toMatchObject({ verdict: 'note', fix: expect.stringContaining('Did you mean [server] port?') })
  })

  test('runs all checks in a home that is not writable', async () => {
    writeFileSync(join(tether.place.home, '.tether'), 'a file where a folder should be')
    const { all, of } = await findings()
    expect(all).toHaveLength(11)
    expect(of('cache')).toMatchObject({ verdict: 'note', fix: expect.stringContaining('~/.tether/cache writable') })
  })

  test('tells a taken port from an address that this machine does not have', async () => {
    const other = createServer()
    onTestFinished(() => void other.close())
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    const taken = await findings(['--port', String(port)])
    expect(taken.of('port')).toMatchObject({ verdict: 'note', detail: expect.stringContaining(`${port} is in use`) })
    // 192.0.2.0/24 is for documentation: no machine has it.
    const foreign = await findings(['--host', '192.0.2.1'])
    expect(foreign.of('port')).toMatchObject({ verdict: 'fail', detail: expect.stringContaining('192.0.2.1') })
  })

  test('says what is kept of prompts, and how much may be', async () => {
    expect((await findings()).of('prefixes')?.detail).toMatch(/^0 B of 0 models kept, at most \d+ [GM]B, and a tenth /)
    writeRecord(join(tether.place.home, '.tether', 'cache', 'prefixes', 'ab'.repeat(16)), { block: 'a', payload: 2e6 })
    const kept = await findings(['--disk-cache', '20GB'])
    expect(kept.of('prefixes')).toMatchObject({ verdict: 'ok', detail: '2.0 MB of 1 model kept, at most 20 GB' })
    const off = await findings(['--disk-cache', '0'])
    expect(off.of('prefixes')?.detail).toBe('off (disk_cache = 0); 2.0 MB of 1 model kept before')
  })

  test('says that the model of the configuration is not there, and which line names it', async () => {
    tether.configure('[model]\ndefault = "nope"\n')
    addModel()
    const fix = 'change the default of [model] in ~/.tether/config/10-test.toml:2, or remove it'
    expect((await findings()).of('models')).toEqual({
      about: 'models',
      verdict: 'fail',
      detail: 'no model named nope',
      fix,
    })
    expect((await findings(['--model', 'small'])).of('models')).toMatchObject({ verdict: 'ok' })
    expect((await findings(['--model', 'other'])).of('models')).toMatchObject({ fix: 'name another with --model' })
  })

  test('says that a models folder that was set does not exist', async () => {
    const { detail } = (await findings(['--models-dir', '/nope'])).of('models') ?? {}
    expect(detail).toContain('0 in /nope, which does not exist')
  })

  test('names the running server', async () => {
    const url = await tether.serve()
    const { of } = await findings()
    expect(of('port')?.detail).toContain(`Running now: demo on ${url}`)
  })
})
