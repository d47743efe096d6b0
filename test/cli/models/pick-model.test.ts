/** The picker in a real pseudo-terminal, and its numbers without one. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { describeModels } from '../../../src/models/describe-models.js'
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
import { lastFirst } from './src/cli/models/last-model.js'
import { writeAscii } from './src/cli/terminal/ascii.js'
writeAscii()
const last = process.env.LAST && process.argv[2] + '/' + process.env.LAST
const models = lastFirst(await describeModels(process.argv[2], { hubCache: '/none' }), last)
process.on('SIGUSR2', () => { throw new Error('a fault on purpose') })
try {
  const picked = await pickModel(models, last)
  process.stdout.write('picked ' + (picked ? picked.name : 'nothing') + '\\n')
  if (process.env.REST) process.stdin.pipe(process.stdout)
} catch (error) {
  if (error.code === 'model_not_found') console.log(error.message)
  else if (!(error instanceof Interrupted)) throw error
  if (!(error instanceof Interrupted)) process.exit(1)
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
})
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
  await terminal.shows(env.TERM === 'dumb' ? 'Model number' : '> ')
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

// Ctrl-N and Ctrl-P
const down = '\u000e'
const up = '\u0010'

const cursor = (terminal: Terminal) => terminal.screen().find((line) => line.startsWith('> '))

describe('the picker in 80x24', () => {
  test('shows the models, the path of the chosen one, and the keys', async () => {
    const terminal = await open()
    expect(terminal.state()).toEqual({ other: true, cursor: false })
    const lines = terminal.screen()
    expect(lines[0]).toMatch(/^Choose a model +1 of 35$/)
    expect(lines[1]).toMatch(/^ {2}name +family +stored as +size +window +fits$/)
    expect(lines[2]).toMatch(/^> alpha-2b-4bit +llama +bf16 +218 KB +8k +yes$/)
    expect(lines[22]).toContain(join(modelsDir, 'alpha-2b-4bit'))
    expect(lines[23]).toBe('type to filter · ↑/↓ move · Enter select · Esc quit')
    terminal.type('\r')
    expect(await result(terminal)).toBe('picked alpha-2b-4bit')
  })

  test('moves with arrows, Ctrl-N and Ctrl-P, and wraps around both ends', async () => {
    const terminal = await open()
    await terminal.press('\u001b[B', '> beta-7b-4bit')
    await terminal.press(down, '> beta-7b-8bit')
    await terminal.press(up, '> beta-7b-4bit')
    await terminal.press('\u001bOA', '> alpha')
    await terminal.press(up, '> strange')
    expect(terminal.screen().join('\n')).toContain('strange models are not supported yet')
    await terminal.press(down, '> alpha')
    await terminal.press('\u001b[6~', '> z')
    await terminal.press('\u001b[F', '> strange')
    await terminal.press('\u001b[H', '> alpha')
    terminal.type(`${down}${down}\r`)
    expect(await result(terminal)).toBe('picked beta-7b-8bit')
  })

  test('says why a model that cannot be loaded is not selected, until the next key', async () => {
    const terminal = await open()
    await terminal.press(up, '> strange')
    const why = /models of type strange are not supported|strange models are not supported/
    await terminal.shows(why)
    expect(terminal.screen().join('\n')).not.toContain('Cannot be selected')
    await terminal.press('\r', /Cannot be selected: .*strange/)
    await terminal.press(up, '> z39')
    await terminal.press(down, '> strange')
    expect(terminal.screen().join('\n')).not.toContain('Cannot be selected')
    terminal.type('\u0003')
    await result(terminal)
  })

  test.each([
    ['Esc', '\u001b'],
    ['Ctrl-D', '\u0004'],
  ])('%s cancels', async (_, key) => {
    const terminal = await open()
    terminal.type(key)
    expect(await result(terminal)).toBe('picked nothing')
  })

  test('Ctrl-C ends it as an interrupt, with status 130, also while a filter is open', async () => {
    for (const keys of ['\u0003', 'beta\u0003']) {
      const terminal = await open()
      terminal.type(keys)
      expect(await result(terminal)).toBe('interrupted')
      expect(terminal.screen().join('\n')).toContain('status 130')
    }
  })

  test('filters by every letter that is typed, as fzf does, and Enter selects the best match', async () => {
    const terminal = await open()
    await terminal.press('7bq', 'no match')
    expect(terminal.screen()).toContain('type to filter · ↑/↓ move · Enter select · Esc clear')
    terminal.type('\r')
    await terminal.press('\u007f', '1 of 2 (35 in all)')
    expect(terminal.screen()[0]).toContain('/7b█')
    await terminal.press(' 8', '> beta-7b-8bit')
    terminal.type('\r')
    expect(await result(terminal)).toBe('picked beta-7b-8bit')
  })

  test('takes letters that are apart if no name holds them together', async () => {
    const terminal = await open()
    await terminal.press('bt8b', '> beta-7b-8bit')
    expect(terminal.screen()[0]).toContain('1 of 1 (35 in all)')
    await terminal.press('t8', 'no match')
    terminal.type('\u001b')
    await terminal.shows('Choose a model')
    terminal.type('\u001b')
    expect(await result(terminal)).toBe('picked nothing')
  })

  test.each(['q', 'j', 'k', 'g', 'G'])('takes %s as text, not as a command', async (letter) => {
    const terminal = await open()
    await terminal.press(letter, `/${letter}█`)
    terminal.type('\u001b')
    await terminal.shows('Choose a model')
    terminal.type('\u001b')
    expect(await result(terminal)).toBe('picked nothing')
  })

  test('opens the filter with / too; a second / is text', async () => {
    const terminal = await open()
    await terminal.press('/', '/█')
    await terminal.press('/', '//█')
    await terminal.press('\u0015', '/█')
    await terminal.press('gamma', '> gamma-1b')
    terminal.type('\r')
    expect(await result(terminal)).toBe('picked gamma-1b')
  })

  test('shows matches by name before matches by family, and moves within them', async () => {
    const terminal = await open(80, 24, { LAST: 'z39' })
    await terminal.press('llama', '1 of 34 (35 in all)')
    await terminal.press('\u0017beta', '1 of 2 (35 in all)')
    await terminal.press(down, '> beta-7b-8bit')
    terminal.type('\r')
    expect(await result(terminal)).toBe('picked beta-7b-8bit')
  })

  test('Esc clears the filter first, and the cursor stays on its model', async () => {
    const terminal = await open()
    await terminal.press('gamma', '> gamma-1b')
    await terminal.press('\u001b', '4 of 35')
    terminal.type('\r')
    expect(await result(terminal)).toBe('picked gamma-1b')
  })

  test('Backspace in an empty filter closes it', async () => {
    const terminal = await open()
    await terminal.press('z', '/z█')
    await terminal.press('\u007f', '/█')
    await terminal.press('\u007f', 'Choose a model')
    terminal.type('\u001b')
    expect(await result(terminal)).toBe('picked nothing')
  })

  test('shows the model that was used last first, and marks it', async () => {
    const terminal = await open(80, 24, { LAST: 'gamma-1b' })
    expect(terminal.screen()[2]).toMatch(/^> gamma-1b \(last used\) +llama/)
    expect(terminal.screen()[3]).toMatch(/^ {2}alpha-2b-4bit +llama/)
    terminal.type('\r')
    expect(await result(terminal)).toBe('picked gamma-1b')
  })

  test.each(['C', 'POSIX', 'en_US.ISO-8859-1'])('is ASCII if the locale is %s', async (locale) => {
    const terminal = await open(80, 24, { LC_ALL: locale, LANG: 'en_US.UTF-8' })
    expect(terminal.screen()[23]).toBe('type to filter - Up/Down move - Enter select - Esc quit')
    await terminal.press('a', '/a_')
    expect(terminal.written()).toMatch(/^\p{ASCII}*$/u)
    terminal.type('\u0003')
    await result(terminal)
  })

  test('Ctrl-Z without job control changes nothing', async () => {
    const terminal = await open()
    await terminal.press(down, '> beta-7b-4bit')
    terminal.type('\u001a')
    await until(() => terminal.written().split('\u001b[?1049h').length === 3)
    await terminal.press(down, '> beta-7b-8bit')
    terminal.type('\u001b')
    expect(await result(terminal)).toBe('picked nothing')
  })

  test('has no colours if NO_COLOR is set', async () => {
    const terminal = await open(80, 24, { NO_COLOR: '1' })
    expect(terminal.written()).not.toMatch(/\[3\dm/)
    terminal.type('\u001b')
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
    terminal.type(down.repeat(12))
    await until(() => cursor(terminal)?.startsWith('> z18') === true)
    terminal.type('\r')
    await until(() => terminal.written().includes('picked z18'))
  })

  test('shows the whole reason of an unsupported model in 50x16, and the keys that matter', async () => {
    const terminal = await open(50, 16)
    await terminal.press(up, '> strange')
    await terminal.press('\r', 'Cannot be selected: ')
    const lines = terminal.screen()
    const from = lines.findIndex((line) => line.includes('Cannot be selected'))
    const [fault] = (await describeModels(modelsDir, { hubCache: '/none' })).flatMap(({ fault }) => fault ?? [])
    const said = lines.slice(from, 15).map((line) => line.trim())
    expect(said.join(' ')).toBe(`Cannot be selected: ${fault}`)
    expect(lines[15]).toBe('type to filter · Enter select · Esc quit')
    terminal.type('\u0003')
    await result(terminal)
  })

  test('marks the model that was used last in 50x16 too', async () => {
    const terminal = await open(50, 16, { LAST: 'gamma-1b' })
    expect(terminal.screen()[2]).toMatch(/^> gamma-1b \(last used\) +.*yes$/)
    terminal.type('\r')
    expect(await result(terminal)).toBe('picked gamma-1b')
  })

  test('redraws when the size changes', async () => {
    const terminal = await open(80, 24)
    await terminal.press(down.repeat(10), '> z16')
    terminal.resize(40, 10)
    await until(
      () => terminal.screen()[9]?.includes('Enter select') === true && cursor(terminal)?.startsWith('> z16') === true,
    )
    terminal.resize(120, 30)
    await until(
      () => terminal.screen()[29]?.includes('Enter select') === true && cursor(terminal)?.startsWith('> z16') === true,
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
    expect(stderr).toMatch(/\n35 {2}strange .*unsupported\nModel number \(1-35, Enter to cancel\): /)
    for (const line of stderr.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    expect(stdout).toBe('picked beta-7b-8bit\n')
  })

  test.each(['\n', '  \n'])('%j cancels, without a word', async (input) => {
    const { stdout, stderr } = await answer(input)
    expect(stdout).toBe('picked nothing\n')
    expect(stderr).toMatch(/Enter to cancel\): \n$/)
  })

  test.each(['0', '36', '99', '-1', '1.5', 'alpha'])('says what is allowed after %j and asks again', async (input) => {
    const { stdout, stderr } = await answer(`${input}\n4\n`)
    expect(stderr).toContain(`\n${input} is not a number from 1 to 35.\nModel number (1-35, Enter to cancel): `)
    expect(stdout).toBe('picked gamma-1b\n')
  })

  test('says why a model cannot be selected and asks again', async () => {
    const { stdout, stderr } = await answer('35\n1\n')
    expect(stderr).toMatch(
      /\nstrange cannot be selected: .*strange[\s\S]*\nModel number \(1-35, Enter to cancel\): \n$/,
    )
    expect(stdout).toBe('picked alpha-2b-4bit\n')
  })

  test.each(['', '99\n'])('says how to name a model if the input %j ends without an answer', async (input) => {
    expect((await answer(input)).stdout).toBe('no model was chosen. Pass one with --model NAME.\n')
  })

  test('shows the model that was used last first, and marks it', async () => {
    const { stdout, stderr } = await answer('1\n', { LAST: 'gamma-1b' })
    expect(stderr).toMatch(/\n 1 {2}gamma-1b \(last used\) +llama/)
    expect(stdout).toBe('picked gamma-1b\n')
  })

  test('leaves what follows the number for the next program', async () => {
    expect((await answer('1\nthe prompt\n', { REST: '1' })).stdout).toBe('picked alpha-2b-4bit\nthe prompt\n')
  })
})

describe('the picker in a terminal that cannot draw', () => {
  test.each([
    [80, 60],
    [50, 60],
  ])('numbers the models in rows of at most %i columns, and asks again', async (columns, rows) => {
    const terminal = await open(columns, rows, { TERM: 'dumb', LAST: 'gamma-1b' })
    await terminal.shows('Model number (1-35, Enter to cancel): ')
    const lines = terminal.screen()
    for (const number of [1, 2, 34, 35])
      expect(lines.filter((line) => Number.parseInt(line, 10) === number)).toHaveLength(1)
    expect(lines.find((line) => line.startsWith(' 1 '))).toMatch(/gamma-1b \(last used\) .*yes$/)
    await terminal.press('99\r', '99 is not a number from 1 to 35.')
    await terminal.press('35\r', /strange cannot be selected/)
    terminal.type('2\r')
    await terminal.shows('picked alpha-2b-4bit')
  })

  test.each([
    ['a blank line', '\r'],
    ['Ctrl-D', '\u0004'],
  ])('%s cancels', async (_, keys) => {
    const terminal = await open(80, 60, { TERM: 'dumb' })
    await terminal.shows('Enter to cancel): ')
    terminal.type(keys)
    await terminal.shows('picked nothing')
  })

  test('is ASCII if the locale is', async () => {
    const terminal = await open(30, 60, { TERM: 'dumb', LC_ALL: 'C', LAST: 'alpha-2b-4bit' })
    await terminal.shows('ancel): ')
    expect(terminal.written()).toMatch(/^\p{ASCII}*$/u)
    terminal.type('\r')
    await terminal.shows('picked nothing')
  })
})
