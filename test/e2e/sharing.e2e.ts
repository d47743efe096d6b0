/** The real Claude Code in two terminals on one server, and on a server that dies. */
import { readdirSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runFolder } from '../../src/cli/serving/run-folder.js'
import {
  ask,
  askedOf,
  claudesOf,
  expectNothingLeft,
  makeWorkplace,
  recordOf,
  serversOf,
  startSession,
  type Workplace,
} from '../support/cli-e2e.js'
import { mixedUse } from '../support/mixed-use.js'
import { until } from '../support/until.js'

let place: Workplace
beforeEach(() => {
  place = makeWorkplace()
})
afterEach(() => place.remove())

/** Some 30000 tokens: with them, reading takes seconds even on a fast CPU, and still fits the window. */
const long = `${'kettle harbor '.repeat(7500)}\nSay tundra.`

test('a second terminal is answered by the server of the first, while that is at work and after it has ended', async () => {
  const first = startSession(place, ['-p', long])
  await until(() => askedOf(place).length > 0)
  const [pid] = serversOf(place)
  const { code, stdout, stderr } = await ask(place, 'Say pelican.')
  expect({ code, answer: stdout.trim() }).toEqual({ code: 0, answer: 'pelican' })
  expect(stderr).toContain('shared with 1 other terminal')
  expect(serversOf(place)).toEqual([pid])
  first.process.kill('SIGTERM')
  await first.ended
  await expectNothingLeft(place)
  expect(readdirSync(runFolder(place.home))).toEqual([])
})

test('a server that is killed while it reads is started again, and Claude Code gets its answer', async () => {
  const session = startSession(place, ['-p', long])
  await until(() => askedOf(place).length > 0)
  await new Promise((resolve) => setTimeout(resolve, 300))
  const [claude] = claudesOf(place)
  const [pid = 0] = serversOf(place)
  const { url } = recordOf(place, pid)
  process.kill(pid, 'SIGKILL')
  const { code, stdout, stderr } = await session.ended
  expect({ code, answer: stdout.trim() }).toEqual({ code: 0, answer: 'tundra' })
  expect(claude).not.toBeUndefined()
  expect(stderr).toContain('the server died while Claude Code worked on it, and was started again')
  // The same request, to the same address: the first was not answered.
  const asked = askedOf(place)
  expect(asked.length).toBeGreaterThan(1)
  expect(new Set(asked.map(({ sha256 }) => sha256)).size).toBe(1)
  expect(stderr).toContain(`ready at ${url} `)
  await expectNothingLeft(place)
})

test('terminals, an editor and programs that come and go share one server', { timeout: 240_000 }, () =>
  mixedUse(place, 30),
)
