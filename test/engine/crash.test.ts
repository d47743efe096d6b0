/** A process that crashes while it generates: what it leaves, and what it still does. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tether-crash-test-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Starts the program, and sends it a signal once it has said a line twice: what a crash tells may be one pass old. */
async function crashed(then: string, { says = 'generating', signal }: { says?: string; signal?: NodeJS.Signals }) {
  const path = join(folder, 'crash.txt')
  const crash = { path, about: 'tether 9.9.9\nmodel: demo\n' }
  const program = join(import.meta.dirname, '..', 'support', 'generating-process.mjs')
  // No core dump in the folder of the tests.
  const command = ['-c', 'ulimit -c 0; exec "$@"', 'sh', process.execPath, program, JSON.stringify({ crash }), then]
  const child = spawn('/bin/sh', command, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stderr.on('data', (text: Buffer) => {
    stderr += text
  })
  child.stdout.on('data', (text: Buffer) => {
    stdout += text
    if (signal && stdout.split(says).length > 2) child.kill(signal)
  })
  const [, endedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { endedBy, path, text: readFileSync(path, 'utf8'), stdout, stderr }
}

describe('a crash while a model generates', () => {
  it.each(['SIGSEGV', 'SIGBUS', 'SIGILL'] as const)('by %s leaves a file and ends by it', async (signal) => {
    const { endedBy, path, text, stderr } = await crashed('wait', { signal })
    expect(endedBy).toBe(signal)
    expect(text).toMatch(
      /^tether 9\.9\.9\nmodel: demo\ncrashed by: SIG\w+\nafter seconds: \d+\nthe engine was: [a-z ]+\nlive requests: 1\n {2}request 1: 40 of 40 prompt tokens read, \d+ generated\n/,
    )
    expect(text).toContain(`crashed by: ${signal}\n`)
    expect(text).toMatch(/backtrace of the thread that crashed:\n.*tether\.node/)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(stderr).toContain(`tether: crashed (${signal}). What ran is written to ${path}\n`)
  })

  it('by abort() leaves a file and ends by SIGABRT', async () => {
    const { endedBy, text } = await crashed('abort', {})
    expect(endedBy).toBe('SIGABRT')
    expect(text).toContain('crashed by: SIGABRT\n')
    expect(text).toContain('live requests: 1\n')
  })

  it('is not made of a fault of WebAssembly, which V8 turns into an exception', async () => {
    const { endedBy, stdout } = await crashed('trap', { says: 'out of bounds', signal: 'SIGSEGV' })
    expect(stdout).toContain('memory access out of bounds')
    expect(endedBy).toBe('SIGSEGV')
  })
})
