/** Where the server's keys come from, and what is said of keys that others can see. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { apiKeys } from '../../../src/cli/serving/api-keys.js'
import { useTether } from '../../support/cli-fixture.js'
import { until } from '../../support/until.js'

const tether = useTether()
const local = { host: '127.0.0.1', insecureNoKey: false }

function fileOf(text: string, mode = 0o600): string {
  const folder = mkdtempSync(join(tmpdir(), 'tether-keys-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'keys'), text, { mode })
  return join(folder, 'keys')
}

describe('the keys of a run', () => {
  test('are none on a loopback address, and a new one for Claude Code and for other machines', async () => {
    expect(await apiKeys(local, false)).toEqual({})
    for (const made of [await apiKeys(local, true), await apiKeys({ ...local, host: '0.0.0.0' }, false)]) {
      expect(made.default).toMatch(/^[\w-]{32}$/)
    }
    expect(await apiKeys({ ...local, host: '0.0.0.0' }, false)).not.toEqual(
      await apiKeys({ ...local, host: '0.0.0.0' }, false),
    )
    expect(await apiKeys({ host: '0.0.0.0', insecureNoKey: true }, false)).toEqual({})
  })

  test('come from the setting, and from the lines of a file', async () => {
    const apiKeyFile = fileOf('# mine\nlaptop  one\r\n\n  two  \nci three\n')
    const fromFile = { laptop: 'one', 'line 4': 'two', ci: 'three' }
    expect(await apiKeys({ ...local, apiKeyFile }, true)).toEqual(fromFile)
    expect(await apiKeys({ ...local, apiKey: 'zero', apiKeyFile }, false)).toEqual({ default: 'zero', ...fromFile })
  })

  test.each([
    ['', 'there is none'],
    ['# none\n', 'there is none'],
    ['a b c\n', 'line 1 has more than a name and a key'],
    ['a one\na two\n', 'line 2: there are two keys named a'],
    ['schlüssel\n', 'the key of line 1 has other signs than ASCII'],
    ['a\x1b[31m\n', 'the key of line 1 has other signs than ASCII'],
    ['x'.repeat(70_000), 'it has more than 65536 bytes'],
  ])('from the file %j are an error', async (text, message) => {
    const apiKeyFile = fileOf(text)
    await expect(apiKeys({ ...local, apiKeyFile }, false)).rejects.toThrow(message)
  })

  test('from a file that others can read, or that is none, are an error with the fix', async () => {
    const apiKeyFile = fileOf('one\n', 0o644)
    chmodSync(apiKeyFile, 0o644)
    await expect(apiKeys({ ...local, apiKeyFile }, false)).rejects.toThrow(`other users can read it.`)
    await expect(apiKeys({ ...local, apiKeyFile }, false)).rejects.toThrow(`chmod 600 ${apiKeyFile}`)
    await expect(apiKeys({ ...local, apiKeyFile: '/nowhere/keys' }, false)).rejects.toThrow('ENOENT')
    await expect(apiKeys({ ...local, apiKeyFile: '/dev/zero' }, false)).rejects.toThrow('it is not a file')
    await expect(apiKeys({ ...local, apiKeyFile: tmpdir() }, false)).rejects.toThrow('it is not a file')
  })
})

describe('tether', () => {
  test('takes keys from standard input', async () => {
    const input = { FAKE_INPUT: 'laptop secret-one\n' }
    const running = tether.startOnDemo(['--serve-only', '--port', '0', '--api-key-file', '-'], input)
    await until(() => running.stderr().includes('Ctrl-C'))
    const url = / ready at (\S+)/.exec(running.stderr())?.[1] ?? ''
    expect((await fetch(`${url}/v1/models`)).status).toBe(401)
    expect((await fetch(`${url}/v1/models`, { headers: { authorization: 'Bearer secret-one' } })).status).toBe(200)
    running.process.kill('SIGTERM')
    expect((await running.ended).code).toBe(0)
    expect(running.stderr()).not.toContain('secret-one')
  })

  test('warns of a key on the command line, and of one in a file that others can read', async () => {
    const { stderr } = await tether.start(['config', '--api-key', 'abc']).ended
    expect(stderr).toContain('other users of this machine can see the value of --api-key')
    tether.configure('[server]\napi_key = "abc"\n')
    const path = join(tether.place.home, '.tether', 'config', '10-test.toml')
    chmodSync(path, 0o644)
    const shared = (await tether.start(['config']).ended).stderr
    expect(shared).toContain('10-test.toml has an API key, and other users can read it.')
    expect(shared).toContain(`\n  chmod 600 ${path}\n`)
    chmodSync(path, 0o600)
    expect((await tether.start(['config']).ended).stderr).toBe('')
    expect(statSync(join(tether.place.home, '.tether', 'config', 'config.toml')).mode & 0o777).toBe(0o600)
  })

  test.each([
    ['--api-key', ' '],
    ['--api-key', 'a\nb'],
  ])('refuses %s %j', async (flag, value) => {
    const { code, stderr } = await tether.start(['config', flag, value]).ended
    expect(code).toBe(2)
    expect(stderr).toContain('--api-key must be letters, digits and signs of ASCII')
  })

  test.each(['"  "', '"a\\nb"', '"\\u001b[31m"'])('refuses the key %s in a file', async (value) => {
    tether.configure(`[server]\napi_key = ${value}\n`)
    const { code, stderr } = await tether.start(['config']).ended
    expect(code).toBe(1)
    expect(stderr).toContain('api_key must be letters, digits and signs of ASCII')
    expect(stderr).not.toContain('\x1b')
  })
})

test('a pipe is private, so that a command can give the keys', () => {
  const program = `import { apiKeys } from ${JSON.stringify(join(tether.compiled, 'src/cli/serving/api-keys.js'))}
console.log(JSON.stringify(await apiKeys({ host: '::1', insecureNoKey: false, apiKeyFile: process.argv[1] }, false)))`
  const { stdout } = spawnSync('bash', ['-c', 'node --input-type=module -e "$0" <(echo a one)', program])
  expect(String(stdout).trim()).toBe('{"a":"one"}')
})
