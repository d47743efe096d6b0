/** tether launch: another program in the place of Claude Code, which reports what it was given. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { agents } from '../../../src/cli/agents/agent-table.js'
import { runFolder } from '../../../src/cli/serving/run-folder.js'
import { type AgentReport, writeFakeAgent } from '../../support/cli-fake-agent.js'
import { useTether } from '../../support/cli-fixture.js'
import { claudeReport, isAlive } from '../../support/cli-process.js'
import { until } from '../../support/until.js'

const tether = useTether()
const names = Object.keys(agents) as (keyof typeof agents)[]

const binFolder = () => join(dirname(tether.place.home), 'agent-bin')
function start(name: keyof typeof agents, words: string[], env: Record<string, string> = {}) {
  rmSync(tether.place.report, { force: true })
  const program = writeFakeAgent(binFolder(), agents[name].program)
  const flags = ['--model', tether.demo, '--program', program]
  const running = tether.start(['launch', name, ...flags, '--', ...words], env)
  onTestFinished(() => void running.process.kill('SIGKILL'))
  return running
}

const report = () => claudeReport<AgentReport>(tether.place)

describe.each(names)('tether launch %s', (name) => {
  test('runs it on a server that lets in its key alone, passes arguments and the exit status on, and leaves nothing', async () => {
    const { code, stderr } = await start(name, ['some', 'exit:7']).ended
    expect(code).toBe(7)
    expect(stderr).toMatch(/demo ready at http:\S+ /)
    const said = await report()
    expect([said.authorized, said.unauthorized]).toEqual([200, 401])
    expect(said.args.slice(-2)).toEqual(['some', 'exit:7'])
    expect(said.folderMode).toBe(0o700)
    for (const { mode } of Object.values(said.files ?? {})) expect(mode).toBe(0o600)
    await tether.expectNothingLeft()
  })
})

test('a window that is small for an agent is a warning, and the agent runs', async () => {
  const { code, stderr } = await start('codex', ['exit:3'], { FAKE_WINDOW: '8192' }).ended
  expect([code, stderr]).toEqual([3, expect.stringContaining('a window of 8192 tokens is small for Codex: ')])
  expect((await start('pi', ['exit:0'], { FAKE_WINDOW: '16384' }).ended).stderr).not.toContain('is small for')
})

describe('the private folder', () => {
  test('is removed if the agent is killed, whose signal is the exit status', async () => {
    const running = start('pi', ['sleep'])
    const { pid, folder = '' } = await report()
    expect(existsSync(join(folder, 'tether.js'))).toBe(true)
    process.kill(pid, 'SIGKILL')
    expect((await running.ended).code).toBe(137)
    await tether.expectNothingLeft()
  })

  test('is removed if tether is killed, with the agent and the server', async () => {
    const running = start('pi', ['sleep'])
    const { pid } = await report()
    running.process.kill('SIGKILL')
    await until(() => !isAlive(pid))
    await tether.expectNothingLeft()
  })

  test('is removed after SIGTERM to tether', async () => {
    const running = start('continue', ['sleep'])
    await report()
    running.process.kill('SIGTERM')
    expect((await running.ended).code).toBe(143)
    await tether.expectNothingLeft()
  })
})

test('no settings file of an agent is written, nor made', async () => {
  const theirs = ['.codex/config.toml', '.config/opencode/opencode.json', '.qwen/settings.json', '.aider.conf.yml']
  for (const file of theirs) {
    mkdirSync(dirname(join(tether.place.home, file)), { recursive: true })
    writeFileSync(join(tether.place.home, file), 'mine')
  }
  for (const name of names) expect((await start(name, ['exit:0']).ended).code).toBe(0)
  for (const file of theirs) expect(readFileSync(join(tether.place.home, file), 'utf8')).toBe('mine')
  const folders = readdirSync(tether.place.home).sort()
  expect(folders).toEqual(['.aider.conf.yml', '.codex', '.config', '.qwen', '.tether'])
  expect(readdirSync(join(tether.place.home, '.tether'))).not.toContain('agents')
})

test('two agents share the server of one', async () => {
  start('codex', ['sleep'])
  const first = await report()
  const url = JSON.stringify(first.args).match(/http:[^"\\]+/)?.[0]
  const { code, stderr } = await start('pi', ['exit:0']).ended
  expect([code, stderr]).toEqual([0, expect.stringContaining('shared with 1 other terminal')])
  const second = await report()
  expect(second.env.TETHER_API_KEY).not.toBe(first.env.TETHER_API_KEY)
  expect(second.files?.['tether.js']?.content).toContain(String(url).replace('/v1', ''))
})

test('a server that dies under an agent is started again, and the note names the agent', async () => {
  const running = start('codex', ['sleep'])
  const { pid } = await report()
  const run = runFolder(tether.place.home)
  const servers = () => readdirSync(run).filter((name) => name.endsWith('.json'))
  const [record = ''] = servers()
  process.kill(Number.parseInt(record, 10), 'SIGKILL')
  await until(() =>
    servers().some((name) => name !== record && readFileSync(join(run, name), 'utf8').includes('window')),
  )
  process.kill(pid, 'SIGTERM')
  expect((await running.ended).stderr).toContain('the server died while Codex worked on it, and was started again')
})

describe('without the program', () => {
  test('says how to install it, before a model is loaded', async () => {
    const { code, stderr } = await tether.start(['launch', 'opencode', '--model', tether.demo]).ended
    expect(code).toBe(127)
    expect(stderr).toContain('opencode is not installed. Install it:\n  npm install -g opencode-ai@latest\n')
    expect(stderr).not.toContain('ready at')
  })

  test('names a --program that cannot be run', async () => {
    const { code, stderr } = await tether.start(['launch', 'codex', '--program', '/no/such/codex']).ended
    expect(code).toBe(127)
    expect(stderr).toContain('--program /no/such/codex cannot be run: no such file\n')
  })

  test('offers to install it in a terminal', async () => {
    const bin = join(dirname(tether.place.home), 'bin')
    const asked = join(tether.place.home, 'asked')
    writeFileSync(join(bin, 'npm'), `#!/bin/sh\necho "$@" > '${asked}'\n`, { mode: 0o755 })
    const terminal = tether.openUntilStatus(['launch', 'codex', '--model', tether.demo])
    await terminal.shows("Codex isn't installed. Install it now with npm?")
    terminal.type('y')
    await terminal.shows('status 127')
    expect(readFileSync(asked, 'utf8')).toBe('install -g @openai/codex@latest\n')
    expect(terminal.written()).toContain('npm installed Codex into a folder that is not on PATH.')
  })
})

test('after a conversation says how to resume it, with the flags that were given', async () => {
  const program = writeFakeAgent(binFolder(), 'codex')
  writeFileSync(program, `${readFileSync(program, 'utf8').replace('"$@"', '"$@" exit:0')}`)
  const args = ['launch', 'codex', '--model', tether.demo, '--program', program]
  const terminal = tether.openUntilStatus(args, { env: { FAKE_OUTPUT_TOKENS: '5' }, columns: 300 })
  await terminal.shows('status 0')
  const again = `launch codex --model ${tether.demo} --program ${program} -- resume --last`
  expect(terminal.written()).toContain(`To resume this conversation:\r\n  tether ${again}\r\n`)
})

describe('the command line', () => {
  test.each([
    [['launch'], 'tether launch needs AGENT, as in\n  tether launch codex\n'],
    [['launch', 'codx'], 'unknown agent codx. Use one of: claude, codex, opencode,'],
    [['launch', 'codex', '--full-auto'], "unknown flag --full-auto of tether launch. If it is one of the agent's"],
    [
      ['launch', 'codex', '--claude-path', '/x'],
      '--claude-path is for claude. For the program of codex: --program PATH',
    ],
    [
      ['launch', 'claude', '--program', '/x'],
      '--program is for other agents. For the program of claude: --claude-path',
    ],
    [['launch', 'codex', '--attach', '--own'], '--attach does not go with --own'],
    [['codex'], 'To run codex on a model:\n  tether launch codex --model NAME\n'],
  ])('%j is explained', async (args, said) => {
    const { code, stderr } = await tether.start(args).ended
    expect([code, stderr]).toEqual([2, expect.stringContaining(said)])
  })

  test('tether launch claude is tether itself', async () => {
    const args = ['launch', 'claude', '--model', tether.demo, '--claude-path', tether.place.claude, '--', 'exit:5']
    expect((await tether.start(args).ended).code).toBe(5)
  })
})
