/** The file that lines are appended to: its size, its older parts, and what becomes of it while it is open. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type BoundedFile, boundedFile, type FileBounds } from '../../../src/cli/log/bounded-file.js'

let folder: string
let path: string
let file: BoundedFile
let faults: string[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tether-bounded-file-test-'))
  path = join(folder, 'a.log')
  faults = []
})
afterEach(() => {
  file.close()
  rmSync(folder, { recursive: true })
})

function open(at = path, bounds: Partial<FileBounds> = {}) {
  file = boundedFile(at, { maxBytes: 1000, older: 2, onFault: (message) => faults.push(message), ...bounds })
  return file
}

describe('a bounded file', () => {
  test('is made with its first line, for its owner alone', () => {
    open()
    expect(existsSync(path)).toBe(false)
    file.write('one')
    expect(readFileSync(path, 'utf8')).toBe('one\n')
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  test('goes on in a file that is there, and counts what it has', () => {
    writeFileSync(path, 'x'.repeat(995))
    open().write('123456789')
    expect([readFileSync(path, 'utf8'), statSync(`${path}.1`).size]).toEqual(['123456789\n', 995])
  })

  test.each([0, 1, 3])('keeps %i older parts, none larger than it may be, and loses no line of these', (older) => {
    open(path, { older })
    for (let i = 0; i < 400; i++) file.write(`line ${String(i).padStart(4, '0')}`)
    expect(readdirSync(folder).sort()).toEqual(['a.log', ...[1, 2, 3].slice(0, older).map((part) => `a.log.${part}`)])
    const parts = readdirSync(folder).sort().reverse()
    for (const name of parts) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(1000)
    const lines = parts
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('')
      .trim()
      .split('\n')
    expect(lines).toEqual(
      Array.from({ length: lines.length }, (_, i) => `line ${String(400 - lines.length + i).padStart(4, '0')}`),
    )
    expect(faults).toEqual([])
  })

  test('writes a line that is longer than the file may be, alone', () => {
    open().write('a')
    file.write('b'.repeat(5000))
    file.write('c')
    expect([statSync(`${path}.1`).size, readFileSync(path, 'utf8')]).toEqual([5001, 'c\n'])
  })

  test('is made anew where another program has moved it away or emptied it', () => {
    open().write('one')
    renameSync(path, `${path}.moved`)
    file.write('two')
    expect([readFileSync(`${path}.moved`, 'utf8'), readFileSync(path, 'utf8')]).toEqual(['one\n', 'two\n'])
    rmSync(path)
    file.write('three')
    truncateSync(path, 0)
    file.write('four')
    expect(readFileSync(path, 'utf8')).toBe('four\n')
  })

  test('says once that it cannot be written, and goes on once it can', () => {
    const inside = join(folder, 'later', 'a.log')
    open(inside)
    for (let i = 0; i < 5; i++) file.write('lost')
    expect(faults).toEqual([expect.stringContaining('ENOENT')])
    mkdirSync(join(folder, 'later'))
    file.write('kept')
    expect(readFileSync(inside, 'utf8')).toBe('kept\n')
  })

  test.skipIf(process.platform !== 'linux')('survives a device without room, and moves no device', () => {
    symlinkSync('/dev/full', path)
    open()
    for (let i = 0; i < 100; i++) file.write('x'.repeat(100))
    expect(faults).toEqual([expect.stringContaining('ENOSPC')])
    expect(readdirSync(folder)).toEqual(['a.log'])
  })

  test('survives a folder in which it may not be renamed', () => {
    open().write('x'.repeat(990))
    // A folder where the older part would go: also root cannot rename over it.
    mkdirSync(join(`${path}.1`, 'full'), { recursive: true })
    open(path, { older: 1 })
    for (let i = 0; i < 3; i++) file.write('y'.repeat(100))
    expect(faults).toHaveLength(1)
    chmodSync(`${path}.1`, 0o700)
  })

  test('does not wait for a pipe that nobody reads', () => {
    execFileSync('mkfifo', [path])
    open().write('one')
    expect(faults).toEqual([expect.stringContaining('ENXIO')])
  })

  test('takes no line after it was closed', () => {
    open().write('one')
    file.close()
    file.write('late')
    expect(readFileSync(path, 'utf8')).toBe('one\n')
  })
})
