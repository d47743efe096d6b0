/** The picker in a real pseudo-terminal, and its numbers without one. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { compileCli } from '../../support/cli-process.js'
import { writeModel } from '../../support/model-folders.js'
import { openTerminal, type Terminal } from '../../support/terminal.js'
import { until } from '../../support/until.js'

let compiled: string
let modelsDir: string
const names = [
  'alpha-2b-4bit',
  'beta-7b-4bit',
  'beta-7b-8bit',
  'gamma-1b',
  ...Array.from({ length: 30 }, (_, i) => `z${i + 10}`),
]

/** Picks, prints the result, and then reads a line as the next program would. */
const entry = `
import { describeModels } from './src/models/describe-models.js'
import { pickModel } from './src/cli/models/choose-model.js'
import { exitStatus, Interrupted } from './src/cli/terminal/signals.js'
const models = await describeModels(process.argv[2], { hubCache: '/none' })
process.on('SIGUSR2', () => { throw new Error('a fault on purpose') })
try {
  const picked = await pickModel(models)
  process.stdout.write('picked ' + (picked ? picked.name : 'nothing') + '\\n')
  if (process.env.REST) process.stdin.pipe(process.stdout)
} catch (error) {
  if (!(error instanceof Interrupted)) throw error
  process.stdout.write('interrupted\\n')
  process.exit(exitStatus(error.signal))
}
`

beforeAll(() => {
  compiled = compileCli()
  writeFileSync(join(compiled, 'pick.mjs'), entry)
  modelsDir = mkdtempSync(join(tmpdir(), 'tether-pick-test-'))
  for (const name of names) writeModel(join(modelsDir, name))
  writeModel(join(modelsDir, 'strange'), { config: { model_type: 'strange' } })
}, 60_000)
afterAll(() => {
  rmSync(compiled, { recursive: true })
  rmSync(modelsDir, { recursive: true })
})

async function open(columns = 80, rows = 24, env: Record<string, string> = {}): Promise<Terminal> {
  // A shell around it prints the settings of the terminal before and after. It stays open, as an exit would lose output.
  const script =
    'stty -a | tr ";" "\\n" | grep -o ".icanon\\|.echo " | head -2; "$@"; echo "status $?"; stty -a | tr ";" "\\n" | grep -o ".icanon\\|.echo " | head -2; echo over; sleep 60'
  const terminal = openTerminal(
    '/bin/sh',
    ['-c', script, 'sh', process.execPath, join(compiled, 'pick.mjs'), modelsDir],
    {
      columns,
      rows,
      env: { PATH: process.env.PATH ?? '', ...env },
    },
  )
  onTestFinished(() => terminal.kill('SIGKILL'))
  await terminal.shows('> ')
  return terminal
}

/** The result that the program prints after the picker has restored the terminal. */
async function result(terminal: Terminal): Promise<string> {
  await terminal.shows('over')
  expect(terminal.state()).toEqual({ other: false, cursor: true })
  const text = terminal.screen().join('\n')
  // As it was before: the shell printed the settings twice.
  const settings = text.split('\n').filter((line) => /icanon|echo/.test(line))
  expect(settings).toHaveLength(4)
  expect(settings.slice(0, settings.length / 2)).toEqual(settings.slice(settings.length / 2))
  expect(text).not.toContain('-icanon')
  return /(picked .*|interrupted|a fault on purpose)/.exec(text)?.[0] ?? text
}

const cursor = (terminal: Terminal) => terminal.screen().find((line) => line.startsWith('> '))

describe('the picker in 80x24', () => {
  test('shows the models, the path of the chosen one, and the keys', async () => {
    const terminal = await open()
    expect(terminal.state()).toEqual({ other: true, cursor: false })
    const lines = terminal.screen()
    expect(lines[0]).toMatch(/^Choose a model +1 of 35$/)
    expect(lines[1]).toMatch(/^ {2}name +family +stored as +size +window +fits$/)
    expect(lines[2]).toMatch(/^> alpha-2b-4bit +llama +bf16 +1\.1 KB +8k +yes$/)
    expect(lines[22]).toContain(join(modelsDir, 'alpha-2b-4bit'))
    expect(lines[23]).toBe('↑/↓ j/k move · Enter choose · / filter · q cancel')
    terminal.type('\r')
    expect(await result(terminal)).toBe('picked alpha-2b-4bit')
  })

  test('moves with arrows, j and k, and wraps around both ends', async () => {
    const terminal = await open()
    await terminal.press('\u001b[B', '> beta-7b-4bit')
    await terminal.press('j', '> beta-7b-8bit')
    await terminal.press('k', '> beta-7b-4bit')
    await terminal.press('\u001bOA', '> alpha')
    await terminal.press('k', '> strange')
    expect(terminal.screen().join('\n')).toContain('strange models are not supported yet')
    terminal.type('\r')
    await terminal.press('j', '> alpha')
    await terminal.press('\u001b[6~', '> z')
    await terminal.press('G', '> strange')
    await terminal.press('g', '> alpha')
    terminal.type('jj\r')
    expect(await result(terminal)).toBe('picked beta-7b-8bit')
  })

  test.each([
    ['q', 'q'],
    ['Esc', '\u001b'],
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
  ])('%s cancels', async (_, key) => {
    const terminal = await open()
    terminal.type(key)
    expect(await result(terminal)).toBe('picked nothing')
  })

  test('filters: letters are text until Enter, then they are keys again', async () => {
    const terminal = await open()
    await terminal.press('/', '/█')
    await terminal.press('7bq', 'no model matches')
    await terminal.press('\u007f', '1 of 2 (35 in all)')
    expect(terminal.screen()[0]).toContain('/7b█')
    await terminal.press(' 8', '> beta-7b-8bit')
    await terminal.press('\r', '/ filter (on)')
    terminal.type('\r')
    expect(await result(terminal)).toBe('picked beta-7b-8bit')
  })

  test('Esc clears the filter without leaving the picker', async () => {
    const terminal = await open()
    await terminal.press('/gamma', '> gamma-1b')
    await terminal.press('\u001b', '4 of 35')
    terminal.type('\r')
    expect(await result(terminal)).toBe('picked gamma-1b')
  })

  test('Ctrl-Z without job control changes nothing', async () => {
    const terminal = await open()
    await terminal.press('j', '> beta-7b-4bit')
    terminal.type('\u001a')
    await until(() => terminal.written().split('\u001b[?1049h').length === 3)
    await terminal.press('j', '> beta-7b-8bit')
    terminal.type('q')
    expect(await result(terminal)).toBe('picked nothing')
  })

  test('has no colours if NO_COLOR is set', async () => {
    const terminal = await open(80, 24, { NO_COLOR: '1' })
    expect(terminal.written()).not.toMatch(/\[3\dm/)
    terminal.type('q')
    await result(terminal)
  })
})

describe('the picker in another size', () => {
  test.each([
    [40, 10],
    [20, 4],
    [10, 2],
    [200, 60],
  ])('works in %ix%i', async (columns, rows) => {
    const terminal = await open(columns, rows)
    const page = Math.max(1, rows - (rows >= 8 ? 4 : rows >= 5 ? 2 : rows >= 3 ? 1 : 0))
    const shown = terminal.screen().filter((line) => /^[> ] [a-z]\S/.test(line) && !line.includes(' name '))
    expect(shown.length).toBeGreaterThanOrEqual(Math.min(page, 35) - 1)
    terminal.type('j'.repeat(12))
    await until(() => cursor(terminal)?.startsWith('> z18') === true)
    terminal.type('\r')
    await until(() => terminal.written().includes('picked z18'))
  })

  test('redraws when the size changes', async () => {
    const terminal = await open(80, 24)
    await terminal.press('jjjjjjjjjj', '> z16')
    terminal.resize(40, 10)
    await until(
      () => terminal.screen()[9]?.startsWith('↑/↓') === true && cursor(terminal)?.startsWith('> z16') === true,
    )
    terminal.resize(120, 30)
    await until(
      () => terminal.screen()[29]?.startsWith('↑/↓') === true && cursor(terminal)?.startsWith('> z16') === true,
    )
    terminal.type('\r')
    expect(await result(terminal)).toBe('picked z16')
  })
})

describe('the picker restores the terminal', () => {
  /** The picker's process, which the shell has started. */
  const pidOf = (terminal: Terminal) =>
    Number(
      execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .find(([, parent]) => parent === String(terminal.pid))?.[0],
    )

  test.each(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)('after %s', async (signal) => {
    const terminal = await open()
    process.kill(pidOf(terminal), signal)
    expect(await result(terminal)).toBe('interrupted')
  })

  test('after an exception elsewhere', async () => {
    const terminal = await open()
    process.kill(pidOf(terminal), 'SIGUSR2')
    expect(await result(terminal)).toBe('a fault on purpose')
  })
})

describe('the picker without a terminal', () => {
  async function answer(input: string, env: Record<string, string> = {}) {
    const child = spawn(process.execPath, [join(compiled, 'pick.mjs'), modelsDir], {
      env: { PATH: process.env.PATH, ...env },
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (data) => {
      stdout += data
    })
    child.stderr.on('data', (data) => {
      stderr += data
    })
    child.stdin.end(input)
    await new Promise((resolve) => child.on('close', resolve))
    return { stdout, stderr }
  }

  test('shows numbers and reads one', async () => {
    const { stdout, stderr } = await answer('3\n')
    expect(stderr).toMatch(/^ {4}name +family/)
    expect(stderr).toMatch(/\n 3 {2}beta-7b-8bit +llama/)
    expect(stderr).toMatch(/\n35 {2}strange .*unsupported\nNumber of a model, or Enter to cancel: /)
    expect(stdout).toBe('picked beta-7b-8bit\n')
  })

  test.each(['', '\n', '0\n', '36\n', '-1\n', '1.5\n', 'alpha\n', '35\n'])('%j cancels', async (input) => {
    expect((await answer(input)).stdout).toBe('picked nothing\n')
  })

  test('leaves what follows the number for the next program', async () => {
    expect((await answer('1\nthe prompt\n', { REST: '1' })).stdout).toBe('picked alpha-2b-4bit\nthe prompt\n')
  })
})
