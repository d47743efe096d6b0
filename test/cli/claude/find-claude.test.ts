/** Where the claude program is found. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findClaude } from '../../../src/cli/claude/find-claude.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tether-find-claude-test-'))
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

  test('takes the explicit one or throws', () => {
    const path = join(folder, 'two')
    program(join(path, 'claude'))
    const find = (explicit: string) => findClaude({ explicit, path, home: folder })
    expect(find(program(join(folder, 'my-claude')))).toBe(join(folder, 'my-claude'))
    expect(() => find(join(folder, 'none'))).toThrow('no such file')
    expect(() => find(folder)).toThrow('it is not a file')
  })

  test('skips one that cannot be run, and names it if there is no other', () => {
    const broken = program(join(folder, 'one', 'claude'), 0o644)
    const find = () => findClaude({ path: join(folder, 'one'), home: folder })
    expect(find).toThrow(`${broken} cannot be run: it is not executable`)
    const next = program(join(folder, '.local', 'bin', 'claude'))
    expect(find()).toBe(next)
  })
})
