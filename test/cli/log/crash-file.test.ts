/** The files that crashes leave, as the command sees them. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { crashFile, tellOfCrashes } from '../../../src/cli/log/crash-file.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tether-crash-file-test-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const said = () => {
  const lines: string[] = []
  tellOfCrashes((line) => lines.push(line), folder)
  return lines
}

describe('a crash of an earlier run', () => {
  test('is said once', () => {
    writeFileSync(join(folder, 'crash-20260101-000000-99999991.txt'), 'tether\n')
    expect(said()).toEqual([expect.stringContaining('crash-20260101-000000-99999991.txt')])
    expect(said()).toEqual([])
    writeFileSync(join(folder, 'crash-20260102-000000-99999992.txt'), 'tether\n')
    expect(said()).toEqual([expect.stringContaining('crash-20260102-000000-99999992.txt')])
  })

  test('is one line of several', () => {
    for (const pid of [1, 2, 3]) writeFileSync(join(folder, `crash-2026010${pid}-000000-${pid}.txt`), 'tether\n')
    expect(said()).toEqual([expect.stringMatching(/\(and 2 before that\): .*crash-20260103-000000-3\.txt/)])
  })

  test('that is no file of ours is left alone', () => {
    mkdirSync(join(folder, 'crash-20260101-000000-1.txt'))
    writeFileSync(join(folder, 'crash-notes.txt'), 'mine')
    expect(said()).toEqual([])
    expect(readFileSync(join(folder, 'crash-notes.txt'), 'utf8')).toBe('mine')
    rmSync(folder, { recursive: true })
    expect(said()).toEqual([])
    mkdirSync(folder)
  })
})

describe('the next crash', () => {
  test('leaves a file with the version, the model on one line, and the process', () => {
    const { path, about } = crashFile('odd\nname\u001b[2J', folder) ?? { path: '', about: '' }
    expect(path).toMatch(new RegExp(`/crash-\\d{8}-\\d{6}-${process.pid}\\.txt$`))
    expect(about.split('\n')).toEqual([
      expect.stringMatching(/^tether \d+\.\d+\.\d+ on \w+ \w+, Node v\d+/),
      'model: odd\\nname\\x1b[2J',
      expect.stringMatching(/^process: \d+, started \d{4}-/),
      '',
    ])
  })

  test('leaves at most ten of them', () => {
    for (let day = 10; day < 30; day++) writeFileSync(join(folder, `crash-202601${day}-000000-1.txt`), '')
    crashFile('demo', folder)
    expect(readdirSync(folder)).toHaveLength(9)
    expect(readdirSync(folder)[0]).toBe('crash-20260121-000000-1.txt')
  })

  test('leaves none where the folder cannot be made', () => {
    writeFileSync(join(folder, 'file'), '')
    expect(crashFile('demo', join(folder, 'file'))).toBeUndefined()
  })
})
