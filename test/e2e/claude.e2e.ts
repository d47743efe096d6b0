/** The real Claude Code on the demo model: answers, tools, a second turn, and every way to end it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type Answered,
  ask,
  askedOf,
  claudesOf,
  expectNoRetry,
  expectNothingLeft,
  leave,
  makeWorkplace,
  openSession,
  requestsOf,
  startSession,
  type Workplace,
  writeUserSettings,
} from '../support/cli-e2e.js'
import { until } from '../support/until.js'

let place: Workplace
beforeEach(() => {
  place = makeWorkplace()
})
afterEach(() => place.remove())

/** A word that neither the model nor the test knows beforehand. */
function randomWord(): string {
  const letter = (letters: string) => letters[Math.floor(Math.random() * letters.length)]
  // Without an m: of "Say medozo." the demo model takes "Say me" for the request.
  const syllable = () => `${letter('bdfgklnprstvz')}${letter('aeiou')}`
  return syllable() + syllable() + syllable()
}

function answersOf(place: Workplace): Answered[] {
  return requestsOf(place).filter((line): line is Answered => line.type === 'ended' && line.path === '/v1/messages')
}

describe('Claude Code', () => {
  test('says what it is asked to say', async () => {
    const word = randomWord()
    const { code, stdout } = await ask(place, `Say ${word}.`)
    expect({ code, answer: stdout.trim() }).toEqual({ code: 0, answer: word })
    expectNoRetry(place, 1)
    await expectNothingLeft(place)
  })

  test("uses tether whatever the user's own settings are", async () => {
    writeUserSettings(place, {
      env: { ANTHROPIC_BASE_URL: 'http://127.0.0.1:9', ANTHROPIC_API_KEY: 'sk-no', CLAUDE_CODE_USE_BEDROCK: '1' },
      model: 'opus',
    })
    const { code, stdout } = await ask(place, 'Say walrus.')
    expect({ code, answer: stdout.trim() }).toEqual({ code: 0, answer: 'walrus' })
    expectNoRetry(place, 1)
  })

  test('runs a command with Bash and reports its output', async () => {
    const file = join(place.repo, 'memo.txt')
    const { code, stdout } = await ask(place, 'Run `echo nutmeg > memo.txt`', '--allowedTools', 'Bash')
    expect(code).toBe(0)
    expect(readFileSync(file, 'utf8')).toBe('nutmeg\n')
    expect(stdout.trim()).toBe('The command printed nothing.')
    expect(answersOf(place).map(({ stopReason }) => stopReason)).toEqual(['tool_use', 'end_turn'])
    expectNoRetry(place, 2)
    await expectNothingLeft(place)
  })

  test('reuses the first prompt of a loop for its second', async () => {
    const { stdout } = await ask(place, 'Run `echo cobalt`', '--allowedTools', 'Bash')
    expect(stdout.trim()).toBe('The command printed: cobalt')
    const [first, second] = answersOf(place)
    expect(first?.inputTokens).toBeGreaterThan(5000)
    expect(second?.cachedTokens).toBeGreaterThanOrEqual(first?.inputTokens ?? Number.NaN)
  })

  test('reads a file', async () => {
    const file = join(place.repo, 'notes.txt')
    writeFileSync(file, 'seven brave otters\n')
    const { code, stdout } = await ask(place, `Read the file ${file}.`)
    expect({ code, answer: stdout.trim() }).toEqual({ code: 0, answer: 'The file says: seven brave otters' })
    expectNoRetry(place, 2)
    await expectNothingLeft(place)
  })

  test('writes a file', async () => {
    const file = join(place.repo, 'out.txt')
    const { code, stdout } = await ask(place, `Write "copper kettle" to ${file}`, '--permission-mode', 'acceptEdits')
    expect(code).toBe(0)
    expect(readFileSync(file, 'utf8').trim()).toBe('copper kettle')
    expect(stdout).toContain('Done.')
    expectNoRetry(place, 2)
    await expectNothingLeft(place)
  })

  test('continues a conversation with --resume', async () => {
    const first = await ask(place, 'Say lighthouse.', '--output-format', 'json')
    const { session_id, result } = JSON.parse(first.stdout) as { session_id: string; result: string }
    expect(result.trim()).toBe('lighthouse')
    const second = await ask(place, 'Say saxophone.', '--resume', session_id)
    expect({ code: second.code, answer: second.stdout.trim() }).toEqual({ code: 0, answer: 'saxophone' })
    expectNoRetry(place, 2)
    const [one, two] = askedOf(place)
    expect(two?.bytes).toBeGreaterThan(one?.bytes ?? Number.NaN)
    await expectNothingLeft(place)
  })
})

describe('while the model is at work', () => {
  /** Some 30000 tokens: with them, reading takes seconds even on a fast CPU, and still fits the window. */
  const LONG = `${'kettle harbor '.repeat(7500)}\nSay tundra.`

  /** A session whose prompt is being read. */
  async function atWork() {
    const session = startSession(place, ['-p', LONG])
    await until(() => askedOf(place).length > 0)
    await new Promise((resolve) => setTimeout(resolve, 300))
    const [claude] = claudesOf(place)
    if (claude === undefined) throw new Error('there is no claude')
    return { session, claude, group: -Number(session.process.pid) }
  }

  test('Ctrl-C ends Claude Code, then tether, and the request', async () => {
    const { session, group } = await atWork()
    process.kill(group, 'SIGINT')
    const { code, signal } = await session.ended
    // Claude Code exits with 0 from an interrupted print, and tether passes that on.
    expect({ code, signal }).toEqual({ code: 0, signal: null })
    expect(answersOf(place).map(({ stopReason }) => stopReason)).toEqual([undefined])
    expectNoRetry(place, 1)
    await expectNothingLeft(place)
  })

  test('SIGTERM to tether ends Claude Code too', async () => {
    const { session } = await atWork()
    session.process.kill('SIGTERM')
    const { code } = await session.ended
    expect(code).toBe(143)
    expectNoRetry(place, 1)
    await expectNothingLeft(place)
  })

  test('killing Claude Code ends tether', async () => {
    const { session, claude } = await atWork()
    process.kill(claude, 'SIGKILL')
    const { code } = await session.ended
    expect(code).toBe(137)
    expectNoRetry(place, 1)
    await expectNothingLeft(place)
  })

  test('killing tether ends Claude Code', async () => {
    const { session } = await atWork()
    session.process.kill('SIGKILL')
    await session.ended
    await expectNothingLeft(place)
  })
})

describe('on a screen', () => {
  // How far a prompt is read is in test/cli/claude/status-line.test.ts: the demo model reads its prompt faster than Claude Code refreshes.
  test('a status line shows what the prompt cost', async () => {
    const terminal = openSession(place)
    const shows = (what: RegExp) => terminal.shows(what, 60_000)
    await shows(/ demo · 0 of 64k \(0%\)\n/)
    terminal.type('Say marmalade.')
    await shows(/❯ Say marmalade\./)
    terminal.type('\r')
    await shows(/● marmalade/)
    // The answer is too short for a speed.
    await shows(/ demo · \d+k of 64k \(\d+%\) · cache 0%\n/)
    expectNoRetry(place, 1)
    expect(await leave(terminal)).toBe(0)
    await expectNothingLeft(place)
  })
})
