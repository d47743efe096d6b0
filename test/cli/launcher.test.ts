/** What tether prints for the user to paste starts it as it was started, where the user stands. */
import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Started } from '../../src/cli/launcher.js'
import { tetherCommand } from '../../src/cli/tether-command.js'
import { removePlace } from '../support/remove-place.js'

let base: string
beforeAll(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'tether-launcher-')))
  const write = (path: string, text: object | string = '') => {
    mkdirSync(dirname(join(base, path)), { recursive: true })
    writeFileSync(join(base, path), typeof text === 'string' ? text : JSON.stringify(text))
  }
  for (const folder of ['clone/docs', 'project/src', 'elsewhere']) mkdirSync(join(base, folder), { recursive: true })
  for (const folder of ['clone', 'project']) write(`${folder}/package.json`, {})
  write('npm/_npx/1f/node_modules/.bin/tether')
  write('npm/_npx/1f/package.json', { dependencies: { '@tether/mlx': '^0.1.0' } })
  write('npm/_npx/2f/node_modules/.bin/tether')
  write('npm/_npx/2f/package.json', { dependencies: { '@tether/mlx': 'file:../../../my files/a.tgz' } })
  write('bin/tether')
})
afterAll(() => removePlace(base))

/** With BASE for the folder above. */
const inBase = (text: string) => text.replaceAll('BASE', base)

function command(words: string[], { program, cwd, root = 'BASE/clone', env = {} }: Partial<Started>): string {
  const started = { program: inBase(program ?? ''), cwd: inBase(cwd ?? ''), root: inBase(root), env }
  return tetherCommand(words, started).replaceAll(base, 'BASE')
}

const npx = { npm_lifecycle_event: 'npx', PATH: 'BASE/project/node_modules/.bin' }
const installed = 'BASE/project/node_modules/@tether/mlx'

describe('the command of tether started', () => {
  test.each<[string, Partial<Started>, string]>([
    ['globally', { program: 'BASE/bin/tether', cwd: 'BASE/elsewhere' }, 'tether'],
    ['with npm start', { program: 'BASE/clone/scripts/start.mjs', cwd: 'BASE/clone' }, 'npm start --'],
    [
      'with npm start below the clone',
      { program: 'BASE/clone/scripts/start.mjs', cwd: 'BASE/clone/docs' },
      'npm start --',
    ],
    [
      'with npm --prefix CLONE start',
      { program: 'BASE/clone/scripts/start.mjs', cwd: 'BASE/project/src' },
      'npm --prefix BASE/clone start --',
    ],
    ['with node', { program: 'BASE/my clone/bin/tether.mjs', cwd: 'BASE' }, "node 'BASE/my clone/bin/tether.mjs'"],
    ['with npx in a clone', { program: 'BASE/npm/_npx/1f/node_modules/.bin/tether', cwd: 'BASE/clone' }, 'npx tether'],
    [
      'with npx CLONE',
      { program: 'BASE/npm/_npx/1f/node_modules/.bin/tether', cwd: 'BASE/elsewhere' },
      'npx BASE/clone',
    ],
    [
      'with npx, not installed',
      {
        program: 'BASE/npm/_npx/1f/node_modules/.bin/tether',
        root: 'BASE/npm/_npx/1f/node_modules/@tether/mlx',
        cwd: 'BASE/elsewhere',
      },
      'npx @tether/mlx',
    ],
    [
      'with npx and an archive',
      {
        program: 'BASE/npm/_npx/2f/node_modules/.bin/tether',
        root: 'BASE/npm/_npx/2f/node_modules/@tether/mlx',
        cwd: 'BASE/elsewhere',
      },
      "npx --package='BASE/my files/a.tgz' tether",
    ],
    [
      'with npx in a project',
      { program: 'BASE/project/node_modules/.bin/tether', root: installed, cwd: 'BASE/project/src', env: npx },
      'npx tether',
    ],
    [
      'by a script of a project',
      {
        program: 'BASE/project/node_modules/.bin/tether',
        root: installed,
        cwd: 'BASE/project',
        env: { ...npx, npm_lifecycle_event: 'ai' },
      },
      'npx tether',
    ],
    [
      'by its path in a project',
      { program: 'BASE/project/node_modules/.bin/tether', root: installed, cwd: 'BASE/project', env: { PATH: '/bin' } },
      'npx tether',
    ],
    [
      'by its path in a project, from elsewhere',
      { program: 'BASE/project/node_modules/.bin/tether', root: installed, cwd: 'BASE/elsewhere' },
      'BASE/project/node_modules/.bin/tether',
    ],
  ])('%s', (_, started, expected) => {
    expect(command(['pull', 'a/b'], started)).toBe(`${expected} pull a/b`)
  })

  test('from a folder of PATH is its name, from another its path', () => {
    const from = (PATH: string) => command(['doctor'], { program: 'BASE/bin/tether', cwd: base, env: { PATH } })
    expect(from(`/bin:${base}/bin`)).toBe('tether doctor')
    expect(from('/bin')).toBe('BASE/bin/tether doctor')
    const project = { program: 'BASE/project/node_modules/.bin/tether', root: installed, cwd: base }
    const PATH = `${base}/project/node_modules/.bin`
    expect(command(['doctor'], { ...project, env: { PATH } })).toBe('tether doctor')
  })

  test.each([['env'], ['completion bash'], ['--list --json']])(
    'with npm start is for %s one without the banner of npm, which would be read too',
    (words) => {
      const started = { program: 'BASE/clone/scripts/start.mjs', cwd: 'BASE/clone' }
      expect(command(words.split(' '), started)).toBe(`node BASE/clone/bin/tether.mjs ${words}`)
    },
  )
})
