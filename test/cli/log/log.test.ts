/** The log: its levels, its lines, and the file that it is written to. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createLog, LogEntry, type LogFormat } from '../../../src/cli/log/log.js'
import { openRunLog } from '../../../src/cli/log/log-file.js'
import { type LogLevel, logLevels } from '../../../src/cli/log/log-levels.js'

let folder: string
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'tether-log-test-')), 'logs')
})
afterEach(() => rmSync(join(folder, '..'), { recursive: true }))

describe('log level', () => {
  test.each(logLevels.map((level, rank) => [level, logLevels.slice(0, rank + 1)] as const))(
    '%s writes the lines of %j',
    (level, expected) => {
      const written: LogLevel[] = []
      const log = createLog({ level, write: (_, its) => written.push(its), format: 'full' })
      for (const name of logLevels) log[name]('x')
      expect(written).toEqual(expected)
    },
  )
})

describe('log lines', () => {
  const written = (format: LogFormat, ...args: unknown[]) => {
    const lines: string[] = []
    createLog({ level: 'trace', write: (line) => lines.push(line), format }).error(...args)
    return lines.join('\n')
  }

  test('have a date and a level in a file, only a time in a terminal', () => {
    expect(written('full', 'no', 'room')).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z error no room$/)
    expect(written('short', 'no room')).toMatch(/^\d\d:\d\d:\d\d error: no room$/)
  })

  test('of an error include its stack', () => {
    expect(written('full', new TypeError('odd'))).toMatch(/error TypeError: odd\n +at /)
  })

  test('as JSON are one object a line, with the fields of a request and the stack of an error', () => {
    const odd = 'GET /\n{"level":"critical"}\x1b[2J\x9b\u202e 404'
    const line = written('json', new LogEntry(odd, { status: 404, client: 'x\x1b' }))
    expect(line).toMatch(/^[\x20-\x7e]+$/)
    expect(JSON.parse(line)).toEqual({
      ...{ time: expect.stringMatching(/^\d{4}-/), level: 'error', message: odd },
      ...{ status: 404, client: 'x\x1b' },
    })
    expect(JSON.parse(written('json', new TypeError('odd\nerror')))).toMatchObject({
      message: 'odd\nerror',
      stack: expect.stringContaining('at '),
    })
  })

  test.each(['full', 'json'] as const)('as %s are cut where a client made them long', (format) => {
    expect(written(format, 'x'.repeat(1_000_000)).length).toBeLessThan(9000)
  })

  test('that are equal are all written', () => {
    let count = 0
    const log = createLog({ level: 'info', write: () => count++, format: 'full' })
    for (let i = 0; i < 50; i++) log.info('the same')
    expect(count).toBe(50)
  })
})

describe('openRunLog', () => {
  test('creates a private file in a private folder, with the first line', () => {
    mkdirSync(folder, { mode: 0o755 })
    const file = openRunLog(folder, 'tether')
    expect(readdirSync(folder)).toEqual([])
    file.write('one')
    file.write('two')
    file.close()
    file.write('late')
    expect(readFileSync(file.path, 'utf8')).toBe('one\ntwo\n')
    expect([statSync(file.path).mode & 0o777, statSync(folder).mode & 0o777]).toEqual([0o600, 0o700])
  })

  test('keeps one older part, both bounded in size', () => {
    const file = openRunLog(folder, 'tether', { maxBytes: 100 })
    for (let line = 0; line < 30; line++) file.write(`this is line ${line}`)
    file.close()
    expect(readFileSync(file.path, 'utf8')).toContain('line 29\n')
    for (const part of [file.path, `${file.path}.1`]) expect(statSync(part).size).toBeLessThan(130)
  })

  test('removes the oldest files, but none of a process that still runs', () => {
    mkdirSync(folder)
    // Beyond the largest process id of any system.
    const old = ['tether-20260101-000000-99999991.log', 'tether-20260102-000000-99999992.log']
    const live = `tether-20250101-000000-${process.ppid}.log`
    for (const name of [...old, `${old[0]}.1`, live, 'notes.txt']) writeFileSync(join(folder, name), '')
    openRunLog(folder, 'tether', { keep: 1 })
    expect(readdirSync(folder).sort()).toEqual([old[1], live, 'notes.txt'].sort())
  })

  test('bounds the number of files of each kind by itself', () => {
    mkdirSync(folder)
    const own = ['tether-20260101-000000-99999991.log', 'tether-20260102-000000-99999992.log']
    const debug = ['debug-2026-01-01T00-00-00-000Z-99999993.log', 'debug-20260102-000000-99999994.log']
    for (const name of [...own, ...debug]) writeFileSync(join(folder, name), '')
    openRunLog(folder, 'debug', { keep: 1 })
    expect(readdirSync(folder).sort()).toEqual([debug[1], ...own].sort())
  })

  test('throws at once if the folder cannot be created', () => {
    writeFileSync(folder, 'a file')
    expect(() => openRunLog(folder, 'tether')).toThrow('EEXIST')
    expect(existsSync(folder)).toBe(true)
  })
})

describe('what comes from a request', () => {
  test('cannot forge a line or reach the terminal as a control character', () => {
    const lines: string[] = []
    const log = createLog({ level: 'trace', write: (line) => lines.push(line), format: 'full' })
    const odd = '\n2026-01-01T00:00:00.000Z critical all is lost\x1b[2J\x1b]0;owned\x07\x9b31m\r\x7f\u202e'
    log.info(`GET /${odd} 404`)
    log.error(new Error(odd))
    for (const line of lines) {
      expect(line).not.toMatch(/[^\P{Cc}\n]|\u202e/u)
      expect(line.split('\n').filter((one) => /^2026-01-01/.test(one))).toEqual([])
    }
    expect(lines[0]).toContain(
      'GET /\\n2026-01-01T00:00:00.000Z critical all is lost\\x1b[2J\\x1b]0;owned\\x07\\x9b31m',
    )
    expect(lines[0]?.split('\n')).toHaveLength(1)
  })
})
