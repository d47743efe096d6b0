/** tether as a server only, and with a port that is taken. */
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runFolder } from '../../../src/cli/serving/run-folder.js'
import { useTether } from '../../support/cli-fixture.js'
import { until } from '../../support/until.js'

const tether = useTether()

describe('--serve-only', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'says where it is and how to reach it, logs requests, and exits with status 0 on %s',
    async (signal) => {
      const running = tether.startOnDemo(['--serve-only', '--port', '0', '--log-level', 'info'])
      await until(() => running.stderr().includes('Ctrl-C'))
      const url = / ready at (\S+)/.exec(running.stderr())?.[1] ?? ''
      const said = running.stderr().slice(running.stderr().indexOf('tether: demo ready'))
      expect(said.replace(/\d+\.\d s/, 'N s')).toBe(
        `tether: demo ready at ${url} (N s, CPU)
64k-token window, all that the model supports
tether: Variables for other terminals and programs:
  tether env
Ctrl-C stops the server.
`,
      )
      expect((await fetch(`${url}/v1/models`)).status).toBe(200)
      await until(() => running.stderr().includes('GET /v1/models 200'))
      running.process.kill(signal)
      expect((await running.ended).code).toBe(0)
      expect(running.stdout()).toBe('')
    },
  )

  test('breaks no word at the end of a narrow line', async () => {
    const args = ['--model', tether.demo, '--serve-only', '--port', '0']
    const terminal = tether.openUntilStatus(args, { columns: 40 })
    await terminal.shows('Ctrl-C stops the server.')
    expect(terminal.screen()).toContain('64k-token window, all that the model')
    await terminal.press('\x03', 'status 0')
  })

  test('logs once what goes wrong with the files of the prefix cache', async () => {
    const running = tether.startOnDemo(['--serve-only', '--port', '0'], { FAKE_NOTICE: 'the disk is full' })
    await until(() => running.stderr().includes('Ctrl-C'))
    const url = / ready at (\S+)/.exec(running.stderr())?.[1] ?? ''
    for (let request = 0; request < 3; request++) await fetch(`${url}/v1/models`)
    running.process.kill('SIGTERM')
    await running.ended
    expect(running.stderr().match(/warning.*the disk is full/gi)).toHaveLength(1)
  })

  test('stops for a signal that comes at the moment it is ready', async () => {
    const running = tether.startOnDemo(['--serve-only', '--port', '0'])
    running.process.stderr?.on('data', (text: Buffer) => {
      if (String(text).includes('ready at')) running.process.kill('SIGTERM')
    })
    expect((await running.ended).code).toBe(0)
  })

  test('creates a key if other machines can reach it, which tether env prints', async () => {
    const running = tether.startOnDemo(['--serve-only', '--port', '0', '--host', '0.0.0.0'])
    await until(() => running.stderr().includes('Ctrl-C'))
    const url = / ready at (\S+)/.exec(running.stderr())?.[1] ?? ''
    const key = (await variables()).ANTHROPIC_AUTH_TOKEN ?? ''
    expect(key.length).toBeGreaterThan(20)
    expect((await fetch(`${url}/v1/models`)).status).toBe(401)
    expect((await fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status).toBe(200)
    running.process.kill('SIGINT')
    await running.ended
  })

  test('names the port for tether env where two servers run', async () => {
    await tether.serve()
    const second = tether.startOnDemo(['--serve-only', '--port', '0'])
    await until(() => second.stderr().includes('Ctrl-C'))
    const port = / ready at http:\/\/127\.0\.0\.1:(\d+)/.exec(second.stderr())?.[1]
    expect(second.stderr()).toContain(`\n  tether env --port ${port}\n`)
    second.process.kill('SIGINT')
    await second.ended
  })

  test('prints the variables itself where it cannot record its server', async () => {
    writeFileSync(join(tether.place.home, '.tether'), 'a file where a folder should be')
    const running = tether.startOnDemo(['--serve-only', '--port', '0'])
    // Of two streams either may come first.
    await until(() => running.stderr().includes('Ctrl-C') && running.stdout().includes('export ANTHROPIC_BASE_URL'))
    const url = / ready at (\S+)/.exec(running.stderr())?.[1]
    expect(running.stdout()).toContain(`export ANTHROPIC_BASE_URL='${url}'\n`)
    expect(running.stderr()).not.toContain('Variables for')
    running.process.kill('SIGINT')
    await running.ended
  })

  test('calls a model that was named in short by its whole name', async () => {
    const folder = join(tether.place.home, '.tether', 'models', 'org', 'small')
    cpSync(tether.demo, folder, { recursive: true })
    const running = tether.start(['--serve-only', '--port', '0', '--model', 'small'])
    await until(() => running.stderr().includes('Ctrl-C'))
    expect(running.stderr()).toContain('tether: org/small ready at ')
    expect(await variables()).toMatchObject({ ANTHROPIC_MODEL: 'org/small', CLAUDE_CODE_SUBAGENT_MODEL: 'org/small' })
    const runs = runFolder(tether.place.home)
    const [record = ''] = readdirSync(runs).filter((name) => name.endsWith('.json'))
    expect(JSON.parse(readFileSync(join(runs, record), 'utf8'))).toMatchObject({ model: 'org/small' })
    running.process.kill('SIGINT')
    await running.ended
  })

  async function variables(): Promise<Record<string, string>> {
    return JSON.parse((await tether.start(['env', '--shell', 'json']).ended).stdout)
  }
})

describe('a taken port', () => {
  let taken: number
  let other: ReturnType<typeof createServer>
  beforeEach(async () => {
    other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    taken = (other.address() as AddressInfo).port
  })
  afterEach(() => void other.close())

  test('that was asked for is an error that names the program', async () => {
    const args = ['--port', String(taken), '--claude-path', tether.place.claude, '--', '-p', 'hi']
    const { code, stderr } = await tether.startOnDemo(args).ended
    expect(code).toBe(1)
    expect(stderr).toContain(`port ${taken} is in use`)
    if (process.platform === 'linux') expect(stderr).toContain(`process ${process.pid}`)
    const claude = tether.place.claude
    expect(stderr).toContain(`\n  tether --model ${tether.demo} --claude-path ${claude} --port ${taken + 1} -- -p hi\n`)
  })

  test('that nobody asked for is an error with --serve-only, as --help says', async () => {
    tether.configure('')
    const other = createServer()
    const isFree = await new Promise((resolve) => {
      other.once('error', () => resolve(false)).listen(8080, '127.0.0.1', () => resolve(true))
    })
    const { code, stderr } = await tether.startOnDemo(['--serve-only']).ended
    expect([code, stderr]).toEqual([1, expect.stringContaining('port 8080 is in use')])
    if (isFree) await new Promise((resolve) => other.close(resolve))
    const help = (await tether.start(['--help']).ended).stdout.replace(/\s+/g, ' ')
    expect(help).toContain(
      'the next free one if it is in use; with --serve-only or a port that you set, it must be free',
    )
  })

  test('of another tether is said to be that, with the command that connects to it', async () => {
    const port = new URL(await tether.serve()).port
    const { code, stderr } = await tether.startOnDemo(['--serve-only', '--port', port]).ended
    expect(code).toBe(1)
    expect(stderr).toMatch(
      new RegExp(`port ${port} is in use by another tether \\(demo, process \\d+\\)\\. Use another`),
    )
    expect(stderr).toContain(`\n  tether env --port ${port}\n`)
    const env = await tether.start(['env', '--port', port, '--shell', 'json']).ended
    expect(JSON.parse(env.stdout).ANTHROPIC_BASE_URL).toBe(`http://127.0.0.1:${port}`)
  })
})
