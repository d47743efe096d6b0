/** Where the locale is not UTF-8, tether writes ASCII. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isUtf8, toAscii } from '../../../src/cli/terminal/ascii.js'
import { widthOf } from '../../../src/cli/terminal/text-width.js'
import { useTether } from '../../support/cli-fixture.js'

const tether = useTether()
const ascii = /^\p{ASCII}*$/u

test.each([
  [{}, true],
  [{ LANG: 'en_US.UTF-8' }, true],
  [{ LANG: 'C.utf8' }, true],
  [{ LANG: 'en_US.UTF-8', LC_CTYPE: 'C' }, false],
  [{ LC_ALL: 'POSIX', LC_CTYPE: 'C.UTF-8' }, false],
])('the locale of %o is UTF-8: %s', (env, expected) => {
  expect(isUtf8(env)).toBe(expected)
})

test('every letter that the command line draws with has one of ASCII, as wide', () => {
  const folder = join(import.meta.dirname, '../../../src/cli')
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    // The debug log is a file.
    (name) => name.endsWith('.ts') && !name.endsWith('debug-log.ts'),
  )
  const code = sources.map((name) => readFileSync(join(folder, name), 'utf8').replace(/^\s*(\/\*\*|\*|\/\/).*$/gm, ''))
  const letters = [...new Set(code.join('').match(/\P{ASCII}/gu))]
  expect(letters).toContain('█')
  for (const letter of letters) {
    expect(toAscii(letter), letter).toMatch(/^[ -~]$/)
    expect(toAscii(letter), letter).not.toBe('?')
  }
})

test('other letters become one question mark a column', () => {
  expect(toAscii('a\u001b[2mé模型')).toBe('a\u001b[2m?????')
  expect(widthOf('é模型')).toBe(5)
})

describe('with LC_ALL=C', () => {
  const env = { LC_ALL: 'C', FORCE_COLOR: '1' }

  test('a bar of progress is ASCII', async () => {
    const args = ['--model', tether.demo, '--serve-only', '--port', '0']
    const terminal = tether.openUntilStatus(args, { env: { ...env, FAKE_LOAD_MS: '300' } })
    await terminal.shows('Ctrl-C')
    expect(terminal.written()).toMatch(/[|/\\-] Loading demo .*#/)
    expect(terminal.written()).toMatch(ascii)
    terminal.kill('SIGKILL')
  })

  test.each([['--help'], ['help', 'pull'], ['config'], ['doctor'], ['--list'], ['--serve-only', '--model', 'ключ']])(
    'tether %s is ASCII',
    async (...args) => {
      const terminal = tether.openUntilStatus(args, { env })
      await terminal.shows(/status \d/)
      expect(terminal.written()).toMatch(ascii)
    },
  )

  test.each([undefined, 'C'])('a report of tether bench in a pipe has the bars of the locale %s', async (LC_ALL) => {
    const args = ['bench', tether.demo, '--prompts', '100', '--tokens', '4', '--runs', '1']
    const { code, stdout } = await tether.start(args, LC_ALL ? { LC_ALL } : {}).ended
    expect(code).toBe(0)
    expect(stdout).toMatch(LC_ALL ? /#{8}/ : /█{8}/)
    if (LC_ALL) expect(stdout).toMatch(ascii)
  })

  test('a pipe gets names as they are', async () => {
    const { stderr } = await tether.start(['--serve-only', '--model', 'ключ'], { LC_ALL: 'C' }).ended
    expect(stderr).toContain('ключ')
  })
})
