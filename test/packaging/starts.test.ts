/** However tether is started, the command that it prints runs as it stands, in the folder where the user stands. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { collectOutput } from '../support/cli-output.js'
import { root } from '../support/consumer.js'
import { removePlace } from '../support/remove-place.js'

// Some start npm, on a machine that may be busy.
vi.setConfig({ testTimeout: 90_000 })

const clone = realpathSync(root)
let base: string
beforeAll(() => {
  execFileSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'pipe' })
  base = realpathSync(mkdtempSync(join(tmpdir(), 'tether-starts-')))
  for (const folder of ['home', 'bin', 'elsewhere', 'project/src', 'project/node_modules/.bin']) {
    mkdirSync(join(base, folder), { recursive: true })
  }
  writeFileSync(join(base, 'project/package.json'), '{}')
  for (const folder of ['bin', 'project/node_modules/.bin']) {
    symlinkSync(join(clone, 'bin/tether.mjs'), join(base, folder, 'tether'))
  }
}, 180_000)
afterAll(() => removePlace(base))

/** A line as somebody types it into a shell, where neither npm nor vitest has set anything. */
function type(line: string, cwd: string, path: string[] = []) {
  const programs = [dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin']
  const env = { HOME: join(base, 'home'), PATH: [...path, ...programs].join(':'), npm_config_offline: 'true' }
  return collectOutput(spawn('/bin/sh', ['-c', line], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })).ended
}

const npm = `npm --prefix ${clone} start`

describe('the command that is printed by', () => {
  test.each([
    ['npx tether', clone],
    ['npx tether', join(clone, 'docs')],
    ['npm start --', clone],
    [`${npm} --`, 'elsewhere'],
    [`npx ${clone}`, 'elsewhere'],
    [`node ${clone}/bin/tether.mjs`, 'elsewhere'],
    ['npx tether', 'project/src'],
    ['tether', 'elsewhere'],
  ])('%s in %s runs there', async (start, folder) => {
    const cwd = folder.startsWith('/') ? folder : join(base, folder)
    const path = start === 'tether' ? [join(base, 'bin')] : []
    const { code, stderr } = await type(`${start} --nope`, cwd, path)
    const printed = /For help:\n {2}(.*)\n/.exec(stderr)?.[1]
    expect({ code, printed }).toEqual({ code: 2, printed: `${start} --help` })
    const again = await type(printed ?? '', cwd, path)
    expect(again.stdout).toContain('Usage: tether [flags]')
    expect(again.code).toBe(0)
    if (start === 'tether') expect(again.stdout).not.toContain('Here type')
    else expect(again.stdout).toContain(`\nHere type instead of tether: ${start}\n`)
  })

  test('node_modules/.bin/tether is one of npx, which finds it from every folder of the project', async () => {
    const { stderr } = await type('./node_modules/.bin/tether --nope', join(base, 'project'))
    expect(stderr).toContain('\n  npx tether --help\n')
    const { stderr: below } = await type('npx tether --nope', join(base, 'project/src'))
    expect(below).toContain('\n  npx tether --help\n')
  })
})

describe('in a clone, what a shell or a program reads', () => {
  test.each([['npx tether'], ['npm start --silent --'], [`node ${clone}/bin/tether.mjs`]])(
    'comes from %s without a banner of npm',
    async (start) => {
      const { code, stdout, stderr } = await type(`${start} list --json`, clone)
      expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('banner') })
      expect(JSON.parse(stdout)).toEqual([])
    },
  )

  test('follows a banner with plain npm start, which says how to do without', async () => {
    const { stderr } = await type('npm start -- completion bash', clone)
    const line = /banner before the output\. Without it:\n\n {2}(.*)\n/.exec(stderr)?.[1]
    expect(line).toBe(`node ${clone}/bin/tether.mjs completion bash`)
    const { code, stdout } = await type(`bash -c 'eval "$(${line})" && complete -p tether'`, join(base, 'elsewhere'))
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^complete .* tether\n$/) })
    expect(readdirSync(join(base, 'elsewhere'))).toEqual([])
  })
})
