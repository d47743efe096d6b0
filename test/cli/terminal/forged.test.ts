/** Texts of files in what tether says: none begins a line, moves the cursor or looks as if tether had said it. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { quoted } from '../../../src/cli/terminal/quoted.js'
import { say } from '../../../src/cli/terminal/say.js'
import { useTether } from '../../support/cli-fixture.js'
import { until } from '../../support/until.js'

const tether = useTether()
const odd = 'odd\ntether: all is well\n  rm -rf ~\r\u001b[2J\u009b31m\u202e'

/** Everything but line feeds, and no line that the text alone has made. */
function expectHarmless(stderr: string) {
  expect(stderr).not.toMatch(/[^\P{Cc}\n]|[\u200e\u200f\u2028-\u202e\u2066-\u2069]/u)
  expect(stderr.split('\n').filter((line) => /^\s*(?:tether: all is well|rm -rf)/.test(line))).toEqual([])
  expect(stderr).toContain('odd\\ntether: all is well\\n  rm -rf ~\\x0d\\x1b[2J\\x9b31m\\u202e')
}

describe('a text of a file', () => {
  test('that is the name of a model', async () => {
    const folder = join(tether.place.home, '.tether', 'models', odd)
    mkdirSync(join(folder, '..'), { recursive: true })
    cpSync(tether.demo, folder, { recursive: true })
    const running = tether.start(['--serve-only', '--port', '0', '--model', folder], { FAKE_LOAD_MS: '1500' })
    onTestFinished(() => void running.process.kill('SIGKILL'))
    await until(() => running.stderr().includes('Ctrl-C'))
    expectHarmless(running.stderr())
    expect(running.stderr()).toContain('tether: loading odd\\ntether')
    running.process.kill('SIGTERM')
    expect((await running.ended).code).toBe(0)
  })

  test('that is the name of a model that is not there', async () => {
    for (const model of [odd, `/nowhere/${odd}`]) {
      const { code, stderr } = await tether.start(['--serve-only', '--model', model]).ended
      expect(code).toBe(1)
      expectHarmless(stderr)
    }
  })

  test('that is in an error of a checkpoint', async () => {
    const { code, stderr } = await tether.startOnDemo(['--serve-only', '--port', '0'], { FAKE_LOAD_ERROR: odd }).ended
    expect(code).toBe(1)
    expectHarmless(stderr)
  })

  test.each([
    ['an unknown key', `[launch]\n${JSON.stringify(odd)} = 1\n`],
    ['an unknown table', `[${JSON.stringify(odd)}]\nx = 1\n`],
    ['a wrong value', `[launch]\nlog_level = ${JSON.stringify(odd)}\n`],
    ['an unknown key of a model', `[models.demo]\n${JSON.stringify(odd)} = 1\n`],
  ])('that is %s of a configuration file', async (_, text) => {
    tether.configure(text)
    const { stderr } = await tether.start(['--serve-only', '--model', '/nowhere']).ended
    // JSON and ours differ in how they write an escape.
    expect(stderr).not.toMatch(/[^\P{Cc}\n]|\u202e/u)
    expect(stderr).toContain('odd\\ntether: all is well\\n')
    expect(stderr.split('\n').filter((line) => /^\s*(?:tether: all is well|rm -rf)/.test(line))).toEqual([])
  })
})

describe('say', () => {
  test('lets no further line look as if tether had said it', () => {
    const { write } = process.stderr
    let text = ''
    process.stderr.write = ((piece: string) => {
      text += piece
      return true
    }) as typeof write
    try {
      say('it failed\ntether: all is well\n \tTETHER: really\nFor help:\n  tether --help')
    } finally {
      process.stderr.write = write
    }
    expect(text).toBe('tether: it failed\\ntether: all is well\\n \tTETHER: really\nFor help:\n  tether --help\n')
  })
})

describe('quoted', () => {
  test.each(['plain', 'two words', "it's", odd, 'a\tb', "\u0007'\\n\\"])(
    'writes %j as one line that bash reads back',
    (word) => {
      const text = quoted(word)
      expect(text).not.toMatch(/[^\P{Cc}\t]|\u202e/u)
      expect(
        execFileSync('bash', ['--norc', '-c', `printf %s ${text}`], { encoding: 'utf8', env: { LC_ALL: 'C.UTF-8' } }),
      ).toBe(word)
    },
  )
})
