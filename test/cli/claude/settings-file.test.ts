/** The settings file that Claude Code is started with. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { describe, expect, test, vi } from 'vitest'
import { writeSettingsFile } from '../../../src/cli/claude/settings-file.js'

describe('writeSettingsFile', () => {
  test('makes a file that only its owner can read, and removes it', () => {
    const file = writeSettingsFile((itself) => ({ itself }))
    expect(JSON.parse(readFileSync(file.path, 'utf8'))).toEqual({ itself: file.path })
    expect(statSync(file.path).mode & 0o777).toBe(0o600)
    expect(statSync(file.folder).mode & 0o777).toBe(0o700)
    file.remove()
    file.remove()
    expect(existsSync(file.folder)).toBe(false)
  })

  test('says which folder is missing or full, and what to do', () => {
    vi.stubEnv('TMPDIR', '/nowhere')
    try {
      expect(() => writeSettingsFile(() => ({}))).toThrow(
        /^\/nowhere cannot hold temporary files: ENOENT: .*\. Make room there, or set TMPDIR to another folder\.$/,
      )
    } finally {
      vi.unstubAllEnvs()
    }
  })
})
