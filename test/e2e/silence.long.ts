/** The real Claude Code and a quarter of an hour in which nothing comes, from the model or from the user. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import {
  ask,
  askedOf,
  expectAllAnswered,
  leave,
  makeWorkplace,
  openSession,
  say,
  type Workplace,
} from '../support/cli-e2e.js'
import { play } from '../support/play.js'
import type { Terminal } from '../support/terminal.js'

const SECONDS = 900
const MS = (SECONDS + 120) * 1000

/** A test in a workplace of its own, in which `requests` are sent and answered. */
function inWorkplace(name: string, requests: number, run: (place: Workplace) => Promise<void>): void {
  test.concurrent(name, { timeout: 2 * MS }, async () => {
    const place = makeWorkplace({ scripted: true })
    try {
      await run(place)
      expectAllAnswered(place)
      expect(askedOf(place)).toHaveLength(requests)
    } finally {
      place.remove()
    }
  })
}

/** A session in a terminal, to its end. */
async function inSession(place: Workplace, run: (terminal: Terminal) => Promise<void>): Promise<void> {
  const terminal = openSession(place)
  await terminal.shows(/ demo · 0 of 64k \(0%\)\n/, 120_000)
  await run(terminal)
  expect(await leave(terminal)).toBe(0)
}

async function sayNext(terminal: Terminal, answer: string): Promise<void> {
  await say(terminal, play([`${answer}.`]))
  await terminal.shows(new RegExp(`● ${answer}\\.`), 120_000)
}

inWorkplace('an answer that begins after 15 minutes is waited for, and another turn follows', 2, (place) =>
  inSession(place, async (terminal) => {
    await say(terminal, play([{ wait: SECONDS }, 'Late answer.']))
    await terminal.shows(/● Late answer\./, MS)
    expect(terminal.written()).not.toContain('Waiting for API response')
    await sayNext(terminal, 'Next answer')
  }),
)

inWorkplace('a turn after 15 minutes without one is sent once', 2, (place) =>
  inSession(place, async (terminal) => {
    await sayNext(terminal, 'First answer')
    await sleep(SECONDS * 1000)
    await sayNext(terminal, 'Next answer')
  }),
)

inWorkplace('an answer that begins after 15 minutes is printed', 1, async (place) => {
  const { code, stdout } = await ask(place, play([{ wait: SECONDS }, 'Late answer.']))
  expect({ code, answer: stdout.trim() }).toEqual({ code: 0, answer: 'Late answer.' })
})
