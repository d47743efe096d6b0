/** tether in a terminal: the progress bar, and the screen that belongs to Claude Code. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { runFolder } from '../../../src/cli/serving/run-folder.js'
import {
  claudeReport,
  compileCli,
  type InTerminal,
  isAlive,
  makePlace,
  openTether,
  type Place,
  processesOf,
} from '../../support/cli-process.js'
import type { Terminal } from '../../support/terminal.js'
import { until } from '../../support/until.js'

let compiled: string
let place: Place
let open: Terminal[]

beforeAll(() => {
  compiled = compileCli()
})
afterAll(() => rmSync(compiled, { recursive: true }))
beforeEach(() => {
  place = makePlace()
  open = []
})
afterEach(() => {
  for (const terminal of open) if (isAlive(terminal.pid)) terminal.kill('SIGKILL')
  place.remove()
})

const tether = (args: string[], more?: InTerminal) => {
  const terminal = openTether(compiled, place, ['--model', join(compiled, 'demo', 'model'), ...args], more)
  open.push(terminal)
  return terminal
}
const screen = async (how = 'raw', more?: InTerminal) => {
  const terminal = tether(['--claude-path', place.claude, '--', `screen:${how}`], more)
  await showsScreen(terminal)
  return terminal
}
/** Its whole line: a terminal may pass on a line in pieces. */
const showsScreen = (terminal: Terminal) => until(() => /<screen .*>\r\n/.test(terminal.written()))
const logs = () => {
  const folder = join(place.home, '.tether', 'logs')
  return readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
}

describe('Claude Code in a terminal', () => {
  test('gets the terminal in raw mode, keys and all', async () => {
    const terminal = await screen()
    expect(terminal.written()).toContain('<screen 80x24 raw true>')
    terminal.type('a')
    await until(() => terminal.written().includes('<keys 61>'))
    terminal.type('q')
    expect(await terminal.ended).toBe(5)
  })

  test('gets a new size of the terminal', async () => {
    const terminal = await screen()
    terminal.resize(100, 40)
    await until(() => terminal.written().includes('<resized to 100x40>'))
    terminal.type('q')
    await terminal.ended
  })

  test('gets Ctrl-C as a key in raw mode, and tether keeps running', async () => {
    const terminal = await screen()
    terminal.type('\u0003')
    await until(() => terminal.written().includes('<keys 03>'))
    expect(terminal.written()).not.toContain('<SIGINT>')
    terminal.type('q')
    expect(await terminal.ended).toBe(5)
  })

  test('gets Ctrl-C as one signal in cooked mode, and tether keeps running', async () => {
    const terminal = await screen('cooked')
    terminal.type('\u0003')
    await until(() => terminal.written().includes('<SIGINT>'))
    // Longer than tether waits before it forwards a signal.
    await new Promise((resolve) => setTimeout(resolve, 1500))
    expect(terminal.written().match(/<SIGINT>/g)).toHaveLength(1)
    const { pid } = await claudeReport(place)
    expect(isAlive(pid)).toBe(true)
    process.kill(pid, 'SIGTERM')
    expect(await terminal.ended).toBe(143)
  })

  test('has the screen to itself: output of tether goes to the log', async () => {
    const terminal = await screen('raw', { env: { FAKE_NOISE: '1' } })
    const before = terminal.written()
    await until(
      () =>
        (
          logs()
            .join('')
            .match(/noise: on stdout/g) ?? []
        ).length >= 3,
    )
    expect(terminal.written()).toBe(before)
    for (const noise of ['noise: a warning', 'noise: on stderr']) expect(logs().join('')).toContain(noise)
    terminal.type('q')
    await terminal.ended
  })

  test('that is killed in raw mode leaves a terminal that works', async () => {
    const terminal = await screen('raw', { wrap: '"$@"; echo "status $?"; stty -a' })
    process.kill((await claudeReport(place)).pid, 'SIGKILL')
    await terminal.ended
    expect(terminal.written()).toContain('status 137')
    expect(terminal.written()).toMatch(/\sisig icanon/)
    expect(terminal.written()).toMatch(/\secho /)
    expect(terminal.written()).toContain('\u001b[?25h')
  })

  test('goes on while a fault of the server ends that and another one takes its place, which is said at the end', async () => {
    const terminal = await screen('raw', { env: { FAKE_CRASH_MS: '500' } })
    const before = terminal.written()
    await until(() => logs().join('').includes('serves in its place'))
    expect(terminal.written()).toBe(before)
    terminal.type('q')
    expect(await terminal.ended).toBe(5)
    const words = terminal.written().replace(/\s+/g, ' ')
    expect(words).toContain('the server died while Claude Code worked on it, and was started again')
    const [, path = ''] = /started again: (\S+\.log) may say why/.exec(words) ?? []
    expect(readFileSync(path, 'utf8')).toMatch(/critical Error: a fault on purpose\n +at /)
    await until(() => processesOf(place).length === 0)
  })

  test('without a fault makes no mention of a log', async () => {
    const terminal = await screen()
    terminal.type('q')
    await terminal.ended
    expect(terminal.written()).not.toContain('.log')
    expect(logs()).toEqual([])
  })

  test('runs twice at once with --own, each on a server, a log and settings of its own', async () => {
    const own = async () => {
      const terminal = tether(['--own', '--claude-path', place.claude, '--', 'screen:raw'], {
        env: { FAKE_NOISE: '1' },
      })
      await showsScreen(terminal)
      return terminal
    }
    const first = await own()
    const one = await claudeReport(place)
    rmSync(place.report)
    const second = await own()
    const two = await claudeReport(place)
    expect(one.env.ANTHROPIC_BASE_URL).not.toBe(two.env.ANTHROPIC_BASE_URL)
    expect(one.settingsPath).not.toBe(two.settingsPath)
    expect([one.authorized, two.authorized]).toEqual([200, 200])
    await until(() => logs().length === 2)
    const records = readdirSync(runFolder(place.home)).filter((name) => name.endsWith('.json'))
    expect(records).toHaveLength(2)
    first.type('q')
    expect(await first.ended).toBe(5)
    expect(isAlive(two.pid)).toBe(true)
    second.type('q')
    expect(await second.ended).toBe(5)
  })
})

describe('Ctrl-C', () => {
  const prompted = (args: string[], env: Record<string, string> = {}) =>
    tether(args, { env, wrap: 'trap : INT; "$@"; echo done' })
  const lastLines = (terminal: Terminal) =>
    terminal
      .screen()
      .filter((line) => line !== '')
      .slice(-2)

  test('leaves the next line to the shell when it stops the server', async () => {
    const terminal = prompted(['--serve-only', '--port', '0'])
    await until(() => terminal.written().includes('Ctrl-C stops the server'))
    terminal.type('\u0003')
    await terminal.ended
    expect(lastLines(terminal)).toEqual(['^C', 'done'])
  })

  test('leaves the next line to the shell in a dumb terminal while a model loads', async () => {
    const terminal = prompted(['--serve-only', '--port', '0'], { TERM: 'dumb', FAKE_LOAD_MS: '5000' })
    await until(() => terminal.written().includes('loading demo'))
    terminal.type('\u0003')
    await terminal.ended
    expect(lastLines(terminal)).toEqual(['^C', 'done'])
  })
})

describe('after Claude Code, tether', () => {
  const end = async (act: string, env: Record<string, string> = {}) => {
    const terminal = tether(['--claude-path', place.claude, '--', act], { env })
    await terminal.ended
    return terminal.written()
  }

  test('says to run tether where no was said to the trust question', async () => {
    expect(await end('exit:1')).toContain('To start again, run tether: claude alone would use')
  })

  test.each([
    ['exit:0', {}],
    ['exit:1', { FAKE_OUTPUT_TOKENS: '5' }],
  ])('does not say so after %s with %o', async (act, env) => {
    expect(await end(act, env)).not.toContain('To start again')
  })
})

describe('while a model loads', () => {
  const load = { env: { FAKE_LOAD_MS: '5000' } }
  const serve = ['--serve-only', '--port', '0']
  beforeEach(() => writeFileSync(join(compiled, 'demo', 'model', 'model.safetensors'), Buffer.alloc(3_000_000)))

  test('a bar shows percent of bytes and an estimate, and disappears', async () => {
    const terminal = tether(serve, { ...load, columns: 90 })
    await until(() => /Loading demo .*█+.*░ *\S* 25% of 3 MB, about \d+ s left/.test(terminal.written()))
    await until(() => terminal.written().includes('Ctrl-C stops the server'))
    expect(terminal.written()).toContain('\u001b[?25l')
    expect(terminal.written().lastIndexOf('\u001b[?25h')).toBeGreaterThan(terminal.written().lastIndexOf('Loading'))
  })

  test('Ctrl-C ends tether and shows the cursor again', async () => {
    const terminal = tether(serve, load)
    await until(() => terminal.written().includes('25%'))
    terminal.type('\u0003')
    expect(await terminal.ended).toBe(130)
    expect(terminal.written().endsWith('\r\u001b[K\u001b[?25h')).toBe(true)
  })

  test('no line is wider than the terminal', async () => {
    const terminal = tether(serve, { ...load, columns: 40 })
    await until(() => terminal.written().includes('25%'))
    const lines = terminal
      .written()
      .split('\r')
      .filter((line) => line.includes('Loading'))
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the codes of a terminal are what is removed
    for (const line of lines) expect(line.replace(/\u001b\[[\d;?]*[a-zA-Z]/g, '').length).toBeLessThan(40)
  })

  test('NO_COLOR draws without colours', async () => {
    const terminal = tether(serve, { env: { ...load.env, NO_COLOR: '1' } })
    await until(() => terminal.written().includes('25%'))
    expect(terminal.written()).toContain('█')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the codes of a terminal are what is looked for
    expect(terminal.written()).not.toMatch(/\u001b\[\d+m/)
  })

  test('a dumb terminal gets lines', async () => {
    const terminal = tether(serve, { env: { ...load.env, TERM: 'dumb' } })
    await until(() => /tether: loading demo, \d+% of 3 MB/.test(terminal.written()))
    expect(terminal.written()).not.toContain('\u001b')
  })
})
