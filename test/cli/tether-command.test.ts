/** Commands that tether prints are pasted into a shell, and mean what they meant. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { quoted } from '../../src/cli/terminal/quoted.js'
import { givenFlags, runAgain, withModel } from '../../src/cli/tether-command.js'
import { useTether } from '../support/cli-fixture.js'
import { claudeReport } from '../support/cli-process.js'
import { writeModel } from '../support/model-folders.js'

const tether = useTether()

test.each(['plain', 'two words', "it's", '$HOME `id` "x"', '*', 'a;b', '日本語モデル', ''])(
  'quoted(%j) is read by a shell as that word',
  (word) => {
    expect(execFileSync('sh', ['-c', `printf %s ${quoted(word)}`], { encoding: 'utf8' })).toBe(word)
  },
)

describe('givenFlags', () => {
  const given = (words: string, only?: string[]) =>
    givenFlags((flag) => only?.includes(flag) ?? true, ['node', 'tether', ...words.split(' ')])
  test.each([
    ['--models-dir m --force --port=9000', undefined, '--models-dir m --force --port=9000'],
    ['pull org/name --models-dir m', undefined, '--models-dir m'],
    ['--api-key secret --port 1', undefined, '--port 1'],
    ['--api-key=secret --temperature -1', undefined, '--temperature -1'],
    ['--max-context 1 --models-dir m', ['--models-dir'], '--models-dir m'],
    ['--force -- --model x', undefined, '--force'],
  ])('of %s (%j) are %s', (words, only, expected) => {
    expect(given(words, only).join(' ')).toBe(expected)
  })
})

test.each([
  ['--model x --port 1 -- --model x', '--model org/x --port 1 -- --model x'],
  ['--model=x --api-key secret', '--model=org/x'],
  ['bench x --runs 1', 'bench org/x --runs 1'],
  ['--force', '--force --model org/x'],
])('%s with another model is %s', (typed, expected) => {
  expect(withModel('x', 'org/x', ['node', 'tether', ...typed.split(' ')])).toBe(`tether ${expected}`)
})

test.each([
  ['serve --model x --port 1', 'serve --model x --port 2'],
  ['launch codex --program p --port=1 -- exec hi', 'launch codex --program p --port 2 -- exec hi'],
  ['--model x --api-key secret', '--model x --port 2'],
])('%s again on another port is %s', (typed, expected) => {
  const again = runAgain({ drop: ['--port'], add: ['--port', '2'] }, ['node', 'tether', ...typed.split(' ')])
  expect(again).toBe(`tether ${expected}`)
})

describe('the hint after a conversation', () => {
  /** What a user pastes: the first indented line after the words. */
  const hinted = (written: string) => /resume this conversation:\r\n {2}(.+?)\r\n/.exec(written)?.[1] ?? ''

  /** Runs a line in a shell, where `tether` is this tether. -> the arguments that claude gets */
  async function paste(line: string): Promise<string[]> {
    const bin = join(dirname(tether.place.home), 'bin')
    const entry = join(tether.compiled, 'test', 'support', 'cli-entry.js')
    writeFileSync(join(bin, 'tether'), `#!/bin/sh\nexec "${process.execPath}" "${entry}" "$@"\n`, { mode: 0o755 })
    const { place } = tether
    const PATH = [bin, dirname(place.claude)].join(delimiter)
    const env = { HOME: place.home, TMPDIR: place.temp, PATH, FAKE_CLAUDE_REPORT: place.report }
    execFileSync('sh', ['-c', line], { cwd: place.home, env, stdio: 'pipe' })
    return (await claudeReport(place)).args
  }

  test('is one unwrapped line with the flags that were given, and continues the conversation', async () => {
    const modelsDir = join(tether.place.home, 'my models')
    writeModel(join(modelsDir, 'org', "it's a model with a long name"))
    const args = ['--models-dir', 'my models', '--max-context', '40000', '--claude-path', tether.place.claude]
    const terminal = tether.openUntilStatus([...args, '--model', "it's a model with a long name", '--', 'say:hello'], {
      columns: 50,
      env: { FAKE_OUTPUT_TOKENS: '7' },
    })
    await terminal.shows('status 0')
    const line = hinted(terminal.written())
    expect(line).toContain("--models-dir 'my models' --max-context 40000")
    expect(await paste(line)).toContain('--continue')
    expect(terminal.screen().join(' ')).toContain('claude --resume')
  })

  test('has --continue once, and what Claude Code was given besides the prompt', async () => {
    const args = ['--claude-path', tether.place.claude, '--model', 'demo', '--']
    const given = ['--continue', '--add-dir', 'my folder', '--verbose', 'say:hello']
    // Nothing was asked, but there is a conversation.
    const terminal = tether.openUntilStatus([...args, ...given])
    await terminal.shows('status 0')
    const line = hinted(terminal.written())
    expect(line).toMatch(/ -- --continue --add-dir 'my folder' --verbose$/)
    const pasted = await paste(line)
    expect(pasted.slice(-4)).toEqual(['--continue', '--add-dir', 'my folder', '--verbose'])
  })

  test('names the demo model, which npm start took by itself, by a name that is found', async () => {
    const terminal = tether.openUntilStatus(['--claude-path', tether.place.claude, '--', 'say:hello'], {
      env: { FAKE_OUTPUT_TOKENS: '7', FAKE_START: '1' },
    })
    await terminal.shows('status 0')
    expect(hinted(terminal.written())).toBe(`tether --claude-path ${tether.place.claude} --model demo -- --continue`)
    expect(await paste(hinted(terminal.written()))).toContain('--continue')
  })
})
