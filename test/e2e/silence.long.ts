/** The real Claude Code and a quarter of an hour in which nothing comes, from the model or from the user. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { ask, askedOf, expectAllAnswered, leave, makeWorkplace, openSession, say } from '../support/cli-e2e.js'
import { play } from '../support/play.js'

const SECONDS = 900
const MS = (SECONDS + 120) * 1000

test.concurrent('an answer that begins after 15 minutes is waited for, and another turn follows', {
  timeout: 2 * MS,
}, async () => {
  const place = makeWorkplace({ scripted: true })
  try {
    const terminal = openSession(place)
    await terminal.shows(/ demo · 0 of 64k \(0%\)\n/, 120_000)
    await say(terminal, play([{ wait: SECONDS }, 'Late answer.']))
    await terminal.shows(/● Late answer\./, MS)
    expect(terminal.written()).not.toContain('Waiting for API response')
    await say(terminal, play(['Next answer.']))
    await terminal.shows(/● Next answer\./, 120_000)
    expect(await leave(terminal)).toBe(0)
    expectAllAnswered(place)
    expect(askedOf(place)).toHaveLength(2)
  } finally {
    place.remove()
  }
})

test.concurrent('a turn after 15 minutes without one is sent once', { timeout: 2 * MS }, async () => {
  const place = makeWorkplace({ scripted: true })
  try {
    const terminal = openSession(place)
    await terminal.shows(/ demo · 0 of 64k \(0%\)\n/, 120_000)
    await say(terminal, play(['First answer.']))
    await terminal.shows(/● First answer\./, 120_000)
    await sleep(SECONDS * 1000)
    await say(terminal, play(['Next answer.']))
    await terminal.shows(/● Next answer\./, 120_000)
    expect(await leave(terminal)).toBe(0)
    expectAllAnswered(place)
    expect(askedOf(place)).toHaveLength(2)
  } finally {
    place.remove()
  }
})

test.concurrent('an answer that begins after 15 minutes is printed', { timeout: 2 * MS }, async () => {
  const place = makeWorkplace({ scripted: true })
  try {
    const { code, stdout } = await ask(place, play([{ wait: SECONDS }, 'Late answer.']))
    expect({ code, answer: stdout.trim() }).toEqual({ code: 0, answer: 'Late answer.' })
    expectAllAnswered(place)
    expect(askedOf(place)).toHaveLength(1)
  } finally {
    place.remove()
  }
})
