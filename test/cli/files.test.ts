/** What the command line finds and writes on disk: models, claude, settings, logs, ports. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findClaude } from '../../src/cli/find-claude.js'
import { takeSettings } from '../../src/cli/forwarded-settings.js'
import { serveOn } from '../../src/cli/port.js'
import { portOwner } from '../../src/cli/port-owner.js'
import { openRequestLog } from '../../src/cli/request-log.js'
import { writeSettingsFile } from '../../src/cli/settings-file.js'
import { TetherError } from '../../src/errors.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tether-files-test-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('findClaude', () => {
  const program = (path: string, mode = 0o755) => {
    mkdirSync(join(path, '..'), { recursive: true })
    writeFileSync(path, '#!/bin/sh\n', { mode })
    chmodSync(path, mode)
    return path
  }

  test('looks on PATH, then in ~/.local/bin, then in ~/.claude/local', () => {
    const find = () => findClaude({ path: `${folder}/one:${folder}/two`, home: folder })
    expect(find()).toBe(undefined)
    const third = program(join(folder, '.claude', 'local', 'claude'))
    expect(find()).toBe(third)
    const second = program(join(folder, '.local', 'bin', 'claude'))
    expect(find()).toBe(second)
    const first = program(join(folder, 'two', 'claude'))
    expect(find()).toBe(first)
    mkdirSync(join(folder, 'one', 'claude'), { recursive: true })
    expect(find()).toBe(first)
  })

  test('an explicit one is it or nothing', () => {
    const path = join(folder, 'two')
    program(join(path, 'claude'))
    const find = (explicit: string) => findClaude({ explicit, path, home: folder })
    expect(find(program(join(folder, 'my-claude')))).toBe(join(folder, 'my-claude'))
    expect(() => find(join(folder, 'none'))).toThrow('there is no such file')
    expect(() => find(folder)).toThrow('it is no file')
  })

  test('one that cannot be run is passed over, and named if there is no other', () => {
    const broken = program(join(folder, 'one', 'claude'), 0o644)
    const find = () => findClaude({ path: join(folder, 'one'), home: folder })
    expect(find).toThrow(`${broken} cannot be run: it is not executable`)
    const next = program(join(folder, '.local', 'bin', 'claude'))
    expect(find()).toBe(next)
  })
})

describe('takeSettings', () => {
  test.each([
    [['-p', 'x'], { args: ['-p', 'x'] }],
    [['--settings', '{"a":1}', '-p'], { args: ['-p'], theirs: { a: 1 } }],
    [['--settings={"a":1}', '-p'], { args: ['-p'], theirs: { a: 1 } }],
    [['--settings', '{"a":1}', '--settings', '{"b":1}'], { args: [], theirs: { b: 1 } }],
    [['-p', '--', '--settings', 'x'], { args: ['-p', '--', '--settings', 'x'] }],
    [['-p', '--settings'], { args: ['-p', '--settings'] }],
  ])('%j', (claudeArgs, expected) => {
    expect(takeSettings(claudeArgs)).toEqual(expected)
  })

  test('reads a file', () => {
    const path = join(folder, 's.json')
    writeFileSync(path, '{"a":2}')
    expect(takeSettings(['--settings', path])).toEqual({ args: [], theirs: { a: 2 } })
  })

  test.each(['{"a":', '/no/such/file'])('%j is refused', (given) => {
    expect(() => takeSettings(['--settings', given])).toThrow('cannot be read')
  })

  test('a file of something else is refused', () => {
    const path = join(folder, 's.json')
    writeFileSync(path, '[1]')
    expect(() => takeSettings(['--settings', path])).toThrow('must be one JSON object')
  })
})

describe('writeSettingsFile', () => {
  test('only its owner reads it, and it goes', () => {
    const file = writeSettingsFile((itself) => ({ itself }))
    expect(JSON.parse(readFileSync(file.path, 'utf8'))).toEqual({ itself: file.path })
    expect(statSync(file.path).mode & 0o777).toBe(0o600)
    expect(statSync(file.folder).mode & 0o777).toBe(0o700)
    file.remove()
    file.remove()
    expect(existsSync(file.folder)).toBe(false)
  })
})

describe('openRequestLog', () => {
  test('notes a digest of what is asked, and no word of it', () => {
    const path = join(folder, 'requests.jsonl')
    const log = openRequestLog(path)
    const body = Buffer.from(JSON.stringify({ stream: true, messages: 'very private' }))
    log.asked(body)
    log.asked(body)
    log.ended({ method: 'POST', path: '/v1/messages', status: 200, ms: 5 })
    const lines = readFileSync(path, 'utf8').trim().split('\n')
    const [one, two, three] = lines.map((line) => JSON.parse(line))
    expect(one).toMatchObject({ type: 'asked', stream: true })
    expect(one.sha256).toBe(two.sha256)
    expect(three).toMatchObject({ type: 'ended', status: 200 })
    expect(lines.join('')).not.toContain('private')
  })
})

describe('serveOn', () => {
  const taken = new Set([8080, 8081])
  const serve = async (port: number) => {
    if (taken.has(port)) throw new TetherError('port_in_use', `${port} is taken`)
    return { url: `http://127.0.0.1:${port}`, port, close: async () => {} }
  }

  test('takes the next free port, and says so', async () => {
    const said: string[] = []
    expect((await serveOn({ port: 8080, fixed: false }, serve, (line) => said.push(line))).port).toBe(8082)
    expect(said.join()).toMatch(/^port 8080 is taken.*; using 8082 instead$/)
  })

  test('refuses another one than what was asked for', async () => {
    await expect(serveOn({ port: 8081, fixed: true }, serve, () => {})).rejects.toMatchObject({
      code: 'port_in_use',
      message: expect.stringContaining('--port 8082'),
    })
  })

  test('passes other faults on', async () => {
    const broken = () => Promise.reject(new TetherError('bad_config', 'no such address'))
    await expect(serveOn({ port: 1, fixed: false }, broken, () => {})).rejects.toThrow('no such address')
  })
})

test.runIf(process.platform === 'linux' || process.platform === 'darwin')('portOwner names the program', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  expect(await portOwner(port)).toMatchObject({ pid: process.pid })
  await new Promise((resolve) => server.close(resolve))
  expect(await portOwner(port)).toBe(undefined)
})
