/** Variables for another terminal: what a shell makes of what is printed is what was meant. */
import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { chooseShell, exportLines } from '../../src/cli/env/exports.js'

const hard = { PLAIN: 'http://127.0.0.1:8080', QUOTE: `it's "x"`, DOLLAR: '$HOME `id` \\ !', LINES: 'a\nb', TAKEN: '' }

describe('exportLines', () => {
  test('sh reads back every value, and takes away what is empty', () => {
    const script = `${exportLines(hard, 'sh')}node -e 'console.log(JSON.stringify(process.env))'`
    const env = { PATH: process.env.PATH ?? '', TAKEN: 'there' }
    const { stdout } = spawnSync('sh', ['-c', script], { env, encoding: 'utf8' })
    const { TAKEN, ...kept } = hard
    const seen = JSON.parse(stdout)
    expect(seen).toMatchObject(kept)
    expect(seen).not.toHaveProperty('TAKEN')
  })

  test('fish and PowerShell quote in their own way', () => {
    expect(exportLines({ A: `it's \\`, B: '' }, 'fish')).toBe("set -gx A 'it\\'s \\\\'\nset -e B\n")
    expect(exportLines({ A: `it's`, B: '' }, 'powershell')).toBe(
      "$env:A = 'it''s'\nRemove-Item Env:B -ErrorAction SilentlyContinue\n",
    )
  })

  test('JSON is one object', () => {
    expect(JSON.parse(exportLines(hard, 'json'))).toEqual(hard)
  })
})

test.each([
  [undefined, '/usr/bin/fish', 'fish'],
  [undefined, '/bin/zsh', 'sh'],
  [undefined, '/opt/pwsh', 'powershell'],
  ['zsh', '/usr/bin/fish', 'sh'],
  ['bash', '/usr/bin/fish', 'sh'],
  ['pwsh', '/bin/sh', 'powershell'],
  ['json', '/bin/sh', 'json'],
])('--shell %s under %s means %s', (asked, SHELL, shell) => {
  expect(chooseShell(asked, { SHELL })).toBe(shell)
})
