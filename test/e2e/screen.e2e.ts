/** The real Claude Code on a scripted model, in a terminal: what a user does between and during answers. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  askedOf,
  expectAllAnswered,
  expectNothingLeft,
  leave,
  makeWorkplace,
  openSession,
  say,
  type Workplace,
} from '../support/cli-e2e.js'
import { call, play } from '../support/play.js'

let place: Workplace
beforeEach(() => {
  place = makeWorkplace({ scripted: true })
})
afterEach(() => place.remove())

describe('in a terminal', () => {
  test('a conversation goes on after Esc, /model, /cost, /context and a new start', async () => {
    const terminal = openSession(place)
    const shows = (what: RegExp) => terminal.shows(what, 60_000)
    await shows(/ demo · 0 of 64k \(0%\)\n/)
    await say(terminal, 'Play: [[{"text":"Kettles.\\n\\nMore of them.\\n\\nAnd so on.","pace":0.3},{"wait":60}]]')
    await shows(/● Kettles\./)
    terminal.type('\u001b')
    await shows(/Interrupted/)

    await say(terminal, play(['Second answer.']))
    await shows(/● Second answer\./)

    await say(terminal, '/model')
    await shows(/Select model[\s\S]*demo ✔ +64k window, on this machine by tether/)
    terminal.type('\u001b')
    await shows(/Kept model as demo/)
    await say(terminal, '/cost')
    await shows(/demo:.*output/)
    terminal.type('\u001b')
    await shows(/manual mode on/)
    await say(terminal, '/context')
    await shows(/\/65\.5k tokens/)
    expect(await leave(terminal)).toBe(0)

    const again = openSession(place, ['--continue'])
    await again.shows(/Second answer\./, 60_000)
    await say(
      again,
      play([call('Bash', { command: 'echo third', description: 'Says it' })], [{ wait: 21 }, 'Third answer.']),
    )
    await again.shows(/● Third answer\./, 60_000)
    // Claude Code shows this after 20 seconds in which nothing came, not even a ping.
    expect(again.written()).not.toContain('Waiting for API response')
    expect(await leave(again)).toBe(0)

    expectAllAnswered(place)
    expect(askedOf(place)).toHaveLength(4)
    await expectNothingLeft(place)
  })
})
