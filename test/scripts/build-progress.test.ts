/** What a person sees while the addon is built. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { collectOutput } from '../support/cli-output.js'
import { isAlive } from '../support/cli-process.js'
import { type FakeClone, makeFakeClone } from '../support/fake-clone.js'
import { openTerminal, type Terminal } from '../support/terminal.js'
import { until } from '../support/until.js'

const root = join(import.meta.dirname, '..', '..')
const { buildProgress, timeLeft } = (await import(join(root, 'scripts/build-progress.mjs'))) as {
  buildProgress(options: { parallel: number; now: () => number }): { add(data: string): void; text(): string }
  timeLeft(ms: number): string
}

describe('the progress of a build', () => {
  let seconds = 0
  const progress = () => {
    seconds = 0
    return buildProgress({ parallel: 2, now: () => seconds * 1000 })
  }

  test("shows ninja's preparations as such, not as 0/2", () => {
    const { add, text } = progress()
    add('[0/2] Re-checking globbed directories...\n[1/2] Re-running CMake...\n')
    seconds = 15
    expect(text()).toBe('  preparing, 0:15')
  })

  test('shows the files and the time that has passed, then the time left', () => {
    const { add, text } = progress()
    seconds = 4
    add('[1/40] Building CXX object a.cpp.o\n')
    expect(text()).toBe('  1 of 40 files, 0:04')
    seconds = 63
    add('[9/40] Building CXX object b.cpp.o\n')
    expect(text()).toBe('  9 of 40 files, 1:03, about 3 min left')
    seconds = 210
    add('[39/40] Building CXX object c.cpp.o\n')
    expect(text()).toBe('  39 of 40 files, 3:30, a few seconds left')
  })

  test('lets the time left run down between two files', () => {
    const { add, text } = progress()
    seconds = 60
    add('[19/40] Building CXX object a.cpp.o\n')
    expect(text()).toBe('  19 of 40 files, 1:00, about 1 min left')
    seconds = 85
    expect(text()).toBe('  19 of 40 files, 1:25, about 40 s left')
  })

  test("reads make's percentages, and output that comes in any pieces", () => {
    const { add, text } = progress()
    seconds = 30
    for (const piece of ['[ 2', '5%] Buil', 'ding CXX object a.cpp.o', '\n[ 50%] Built target a\n']) add(piece)
    expect(text()).toBe('  25%, 0:30, about 2 min left')
  })

  test.each([
    [3_000, 'a few seconds'],
    [31_000, 'about 40 s'],
    [55_000, 'about 1 min'],
    [200_000, 'about 3 min'],
  ])('rounds %i ms to %s', (ms, text) => expect(timeLeft(ms)).toBe(text))
})

/** As ninja prints them; the fake build pauses after each line. */
const ninja = [
  '[0/2] Re-checking globbed directories...',
  ...['[1/3] Building CXX object a', '[2/3] Building CXX object b', '[3/3] Linking CXX shared library tether.node'],
].join('\n')

describe('npm start while it builds', () => {
  let clone: FakeClone
  beforeEach(() => {
    clone = makeFakeClone()
    clone.program('claude', 'exit 0')
  })
  afterEach(() => clone.remove())

  const open = (env: Record<string, string>, columns = 80): Terminal =>
    openTerminal(process.execPath, [join(clone.folder, 'scripts/start.mjs')], {
      cwd: clone.project,
      env: { ...clone.env, BUILD: ninja, ...env },
      columns,
    })

  test('shows a line that moves each second, and removes it at the end', async () => {
    const terminal = open({ PAUSE: '1500' })
    await terminal.shows('  preparing, 0:0')
    await terminal.shows(/ {2}1 of 3 files, 0:0\d/)
    await terminal.shows(/ {2}2 of 3 files, 0:0\d/)
    expect(await terminal.ended).toBe(0)
    const screen = terminal.screen().join('\n')
    expect(screen).toMatch(
      /Building the addon \(output in build\/build.log\)\nBuilding the addon took \d:\d\d\nCompiling/,
    )
    expect(terminal.written()).not.toContain('0/2')
  })

  test('says before how long it takes, and wraps at 50 columns between words', async () => {
    const terminal = open({}, 50)
    expect(await terminal.ended).toBe(0)
    expect(terminal.written()).toMatch(/It\s+takes\s+\d+\s+to\s+\d+\s+minutes/)
    for (const line of terminal.written().split(/[\r\n]+/)) {
      if (!line.startsWith('started')) expect(line.length).toBeLessThanOrEqual(50 + '\u001b[K'.length)
    }
  })

  test.each([
    ['TERM=dumb', { TERM: 'dumb' }],
    ['a pipe', undefined],
  ])('writes no line that moves to %s', async (_, env) => {
    let written: string
    if (env) {
      const terminal = open({ PAUSE: '400', ...env })
      await terminal.ended
      written = terminal.written().replaceAll('\r\n', '\n')
    } else {
      const child = spawn(process.execPath, [join(clone.folder, 'scripts/start.mjs')], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...clone.env, BUILD: ninja, PAUSE: '400' },
      })
      written = (await collectOutput(child).ended).stderr
    }
    expect(written).toContain('Building the addon took')
    expect(written).not.toContain('\r')
    expect(written).not.toContain('\u001b')
  })

  test('ends the compilers after Ctrl-C, says what to do, and continues the next time', async () => {
    const terminal = open({ PAUSE: '60000' })
    await terminal.shows('  preparing')
    await until(() => clone.calls().some((call) => call.startsWith('cmake-js build')))
    const pid = Number(clone.calls().at(-1)?.split(' ').at(-1))
    terminal.type('\u0003')
    expect(await terminal.ended).toBe(130)
    expect(terminal.screen().join('\n')).toContain(
      'Building the addon (output in build/build.log)\n\nStopped. What is done is kept; to continue, run the same command again.',
    )
    await until(() => !isAlive(pid))
    expect(existsSync(join(clone.folder, 'build/.lock'))).toBe(false)

    const again = open({})
    expect(await again.ended).toBe(0)
    expect(again.written()).not.toContain('Installing npm packages')
    expect(readFileSync(join(clone.folder, 'build/build.log'), 'utf8')).toContain('[3/3]')
  })

  test('waits after Ctrl-C until npm has ended, which would disturb the next start', async () => {
    clone.program(
      'npm',
      `trap 'sleep 1; echo "npm ended" >> "$CALLS"; exit 1' INT TERM; echo "npm $$" >> "$CALLS"; sleep 20 & wait; wait`,
    )
    const terminal = open({})
    await until(() => clone.calls().length > 0)
    terminal.type('\u0003')
    await terminal.shows('Stopped. What is done is kept')
    expect(await terminal.ended).toBe(130)
    expect(clone.calls()).toContain('npm ended')
  })

  test('waits for another build of the clone, and says so', async () => {
    const lock = join(clone.folder, 'build/.lock')
    mkdirSync(join(clone.folder, 'build'))
    writeFileSync(lock, String(process.pid))
    const terminal = open({})
    await terminal.shows('Waiting for another build of tether in this clone.')
    expect(clone.calls().filter((call) => call.startsWith('cmake-js'))).toEqual([])
    rmSync(lock)
    expect(await terminal.ended).toBe(0)
  })

  test('ends the compilers when the process is ended by a signal of its own', async () => {
    const terminal = open({ PAUSE: '60000' })
    await until(() => clone.calls().some((call) => call.startsWith('cmake-js build')))
    const pid = Number(clone.calls().at(-1)?.split(' ').at(-1))
    terminal.kill('SIGTERM')
    expect(await terminal.ended).toBe(143)
    await until(() => !isAlive(pid))
  })
})

describe('a long step in a pipe', () => {
  afterEach(() => {
    vi.useRealTimers()
    vi.restoreAllMocks()
    vi.unstubAllEnvs()
  })

  test('prints its progress every 30 seconds', async () => {
    const { showProgress } = (await import(join(root, 'scripts/terminal-lines.mjs'))) as {
      showProgress(text: () => string): { end(): void }
    }
    vi.useFakeTimers()
    const lines = vi.spyOn(console, 'error').mockReturnValue()
    vi.stubEnv('TERM', 'dumb')
    const line = showProgress(() => '  12 of 42 files')
    vi.advanceTimersByTime(29_000)
    expect(lines).not.toHaveBeenCalled()
    vi.advanceTimersByTime(32_000)
    line.end()
    vi.advanceTimersByTime(60_000)
    expect(lines.mock.calls).toEqual([['  12 of 42 files'], ['  12 of 42 files']])
  })
})
