/** tether env: which server it takes, and that a shell reads back what it prints. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Call } from '../../../src/cli/args.js'
import { chooseShell, runEnv } from '../../../src/cli/commands/env.js'
import { runFolder } from '../../../src/cli/serving/run-folder.js'
import { exportLines } from '../../../src/cli/terminal/shell-lines.js'
import { useTether } from '../../support/cli-fixture.js'

const tether = useTether()
const portOf = (url: string) => new URL(url).port

const hard = { PLAIN: 'http://127.0.0.1:8080', QUOTE: `it's "x"`, DOLLAR: '$HOME `id` \\ !', LINES: 'a\nb', TAKEN: '' }

describe('exportLines', () => {
  test('sh reads every value back, and unsets the empty ones', () => {
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

  test('JSON is one object with all variables', () => {
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

describe('tether env', () => {
  /** Writes the record of a server that does not exist. */
  const record = (pid: number, url: string) => {
    const run = runFolder(tether.place.home)
    mkdirSync(run, { recursive: true })
    const about = { pid, url, model: 'stale', window: 1000, started: '2999-01-01T00:00:00.000Z' }
    writeFileSync(join(run, `${pid}.json`), JSON.stringify(about))
  }
  const chosen = async (args: string[] = []) => {
    const { code, stdout } = await tether.start(['env', '--shell', 'json', ...args]).ended
    expect(code).toBe(0)
    return (JSON.parse(stdout) as Record<string, string>).ANTHROPIC_BASE_URL
  }

  test('prints variables with which a shell reaches the server', async () => {
    const url = await tether.serve(['--api-key', "it's mine"])
    const { code, stdout } = await tether.start(['env']).ended
    expect(code).toBe(0)
    const show = `printf "%s\\n" "$ANTHROPIC_BASE_URL" "$ANTHROPIC_AUTH_TOKEN" "$(printenv ANTHROPIC_API_KEY || echo none)"`
    const env = { PATH: process.env.PATH, ANTHROPIC_API_KEY: 'sk-other' }
    const shell = spawnSync('sh', ['-c', `eval "$1"\n${show}`, 'sh', stdout], { env, encoding: 'utf8' })
    expect(shell.stdout.split('\n').slice(0, 3)).toEqual([url, "it's mine", 'none'])
    const asked = await fetch(`${url}/v1/models`, { headers: { authorization: "Bearer it's mine" } })
    expect(asked.status).toBe(200)
  })

  test('prints what an agent needs with --for, whose files are private and in a folder of tether', async () => {
    const url = await tether.serve(['--api-key', 'mine'])
    const { code, stdout } = await tether.start(['env', '--for', 'pi', '--shell', 'json']).ended
    const { variables, command } = JSON.parse(stdout) as { variables: Record<string, string>; command: string[] }
    expect([code, command[0], variables.TETHER_API_KEY]).toEqual([0, 'pi', 'mine'])
    const file = join(tether.place.home, '.tether', 'agents', 'tether.js')
    expect(command).toContain(file)
    expect(readFileSync(file, 'utf8')).toContain(url)
    const { stdout: plain } = await tether.start(['env']).ended
    expect((await tether.start(['env', '--for', 'claude']).ended).stdout).toBe(plain)
  })

  test('takes the latest of two servers, or the one on the port', async () => {
    const first = await tether.serve()
    const second = await tether.serve()
    expect(await chosen()).toBe(second)
    expect(await chosen(['--port', portOf(first)])).toBe(first)
  })

  test('skips servers that are gone or do not answer', async () => {
    const { pid } = spawnSync('true')
    record(pid, 'http://127.0.0.1:9')
    record(process.pid, 'http://127.0.0.1:9')
    const url = await tether.serve()
    expect(await chosen()).toBe(url)
    const run = readdirSync(runFolder(tether.place.home))
    expect(run).not.toContain(`${pid}.json`)
    expect(run).toContain(`${process.pid}.json`)
  })

  test('without a server says how to start one, and prints nothing on stdout', async () => {
    const none = await tether.start(['env']).ended
    expect([none.code, none.stdout]).toEqual([1, ''])
    expect(none.stderr).toContain(
      'tether: no tether is running. To start one, with Claude Code or without:\n  tether\n  tether --serve-only\n',
    )
    const url = await tether.serve()
    const other = Number(portOf(url)) === 9 ? '10' : '9'
    const { code, stdout, stderr } = await tether.start(['env', '--port', other]).ended
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain(`no tether is running on port ${other}`)
  })

  test('without a server fails with a code of its own', async () => {
    vi.stubEnv('HOME', tether.place.home)
    onTestFinished(() => {
      vi.unstubAllEnvs()
    })
    const call: Call = { command: 'env', flags: {}, settings: {}, words: [], claudeArgs: [] }
    await expect(runEnv(call)).rejects.toMatchObject({ code: 'no_server' })
  })

  test('says the same if there can be no record of servers', async () => {
    writeFileSync(join(tether.place.home, '.tether'), 'a file where a folder should be')
    const { code, stderr } = await tether.start(['env']).ended
    expect(code).toBe(1)
    expect(stderr).toContain('no tether is running')
  })

  test.each(['0', '65536', 'http'])('rejects --port %s with status 2', async (port) => {
    const { code, stdout, stderr } = await tether.start(['env', '--port', port]).ended
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(`--port must be a whole number from 1 to 65535, not ${port}`)
  })

  test('in a terminal says how to use the output, with the given flags', async () => {
    const port = portOf(await tether.serve())
    const terminal = tether.openUntilStatus(['env', '--port', port], { rows: 60 })
    await terminal.shows('status 0')
    expect(terminal.written()).toContain(`To use it in this terminal:\r\n  eval "$(tether env --port ${port})"\r\n`)
  })
})
