/** tether without --model, in a real terminal: what cancelling prints, and which model comes first the next time. */
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { describeModels } from '../../../src/models/describe-models.js'
import { useTether } from '../../support/cli-fixture.js'
import { writeModel } from '../../support/model-folders.js'
import type { Terminal } from '../../support/terminal.js'

const tether = useTether()
const sizes = [
  [80, 24],
  [50, 16],
] as const

beforeEach(() => {
  for (const name of ['a', 'b', 'c']) writeModel(join(tether.place.home, '.tether', 'models', name))
})

const lastFile = () => join(tether.place.home, '.tether', 'last-model.json')
const open = (more = {}, args: string[] = []) =>
  tether.openUntilStatus(['--claude-path', tether.place.claude, ...args, '--', 'exit:0'], more)
/** What is printed before the status, without the line about a new config.toml. */
const printed = (terminal: Terminal) =>
  terminal
    .screen()
    .join('\n')
    .replace(/^tether: created[\s\S]*?setting\n/, '')
    .trim()

describe.each(sizes)('tether in %ix%i', (columns, rows) => {
  test.each([
    ['Esc', '\u001b', 1],
    ['Ctrl-D', '\u0004', 1],
    ['Ctrl-C', '\u0003', 130],
  ])('exits silently after %s in the picker', async (_, key, status) => {
    const terminal = open({ columns, rows })
    await terminal.press('', 'Choose a model')
    await terminal.press(key, `status ${status}`)
    expect(printed(terminal)).toBe(`status ${status}`)
  })

  test('offers the last used model first the next time', async () => {
    const first = open({ columns, rows })
    await first.shows('> a')
    await first.press('b', '> b')
    first.type('\r')
    await first.shows('status 0')
    expect(statSync(lastFile()).mode & 0o777).toBe(0o600)
    const second = open({ columns, rows })
    await second.shows('> b (last used)')
    second.type('\r')
    await second.shows('status 0')
  })
})

describe.each(sizes)('tether --list in %ix%i', (columns, rows) => {
  test.each<Record<string, string>>([{ LANG: 'C.UTF-8' }, { LC_ALL: 'C' }])(
    'fits the width and breaks reasons between words, with %o',
    async (env) => {
      const models = join(tether.place.home, '.tether', 'models')
      writeModel(
        join(models, 'mlx-community', 'a-name-that-is-too-long-for-any-terminal-of-this-width-1234567890-4bit'),
      )
      writeModel(join(models, 'strange'), { config: { model_type: 'strange' } })
      const terminal = tether.openUntilStatus(['--list'], { columns, rows, env })
      await terminal.shows('status 0')
      const lines = terminal.screen()
      const ellipsis = 'LC_ALL' in env ? '~' : '…'
      expect(lines.find((line) => line.startsWith('mlx-'))).toMatch(new RegExp(`^mlx-.*${ellipsis}.*4bit .*yes$`))
      const from = lines.findIndex((line) => line.startsWith('strange: '))
      const reason = lines.slice(from, lines.indexOf('status 0'))
      expect(reason.slice(1).every((line) => /^ {2}\S/.test(line))).toBe(true)
      const [fault] = (await describeModels(models, { hubCache: '/none' })).flatMap(({ fault }) => fault ?? [])
      expect(reason.map((line) => line.trim()).join(' ')).toBe(`strange: ${fault}`)
    },
  )
})

describe('tether bench', () => {
  test('offers the model that was used last first, and is remembered like a start', async () => {
    const flags = ['--prompts', '8', '--tokens', '2', '--runs', '1']
    const bench = tether.openUntilStatus(['bench', ...flags])
    await bench.shows('> a')
    await bench.press('b', '> b')
    bench.type('\r')
    await bench.shows('status 0')
    for (const terminal of [open(), tether.openUntilStatus(['bench', ...flags])]) {
      await terminal.shows('> b (last used)')
      terminal.type('\r')
      await terminal.shows('status 0')
    }
  })
})

describe('tether', () => {
  test('remembers a model that --model names, but not one that could not be loaded', async () => {
    const named = open({}, ['--model', 'c'])
    await named.shows('status 0')
    expect(readFileSync(lastFile(), 'utf8')).toContain('/models/c"')
    const failed = open({ env: { FAKE_LOAD_ERROR: 'no good' } }, ['--model', 'a'])
    await failed.shows('status 1')
    expect(readFileSync(lastFile(), 'utf8')).toContain('/models/c"')
  })

  test('runs, and shows the picker, where the last used model can neither be read nor kept', async () => {
    mkdirSync(lastFile(), { recursive: true })
    const terminal = open()
    await terminal.press('', '> a')
    terminal.type('\r')
    await terminal.shows('status 0')
  })

  test('exits silently after a blank line in the numbered list, which marks the last used model', async () => {
    mkdirSync(join(tether.place.home, '.tether'), { recursive: true })
    writeFileSync(lastFile(), JSON.stringify({ path: join(tether.place.home, '.tether', 'models', 'b') }))
    const terminal = open({ env: { TERM: 'dumb' } })
    await terminal.shows('Model number (1-3, Enter to cancel): ')
    expect(terminal.screen().join('\n')).toMatch(/^1 {2}b \(last used\)/m)
    await terminal.press('\r', 'status 1')
    expect(terminal.screen().join('\n')).toMatch(/Enter to cancel\):\s*\nstatus 1/)
  })
})
