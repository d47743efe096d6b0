/** The command line as a process: its mistakes and its help. */
import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { useTether } from '../support/cli-fixture.js'

const tether = useTether()

describe('the command line', () => {
  test.each([
    [['pull'], 'tether pull needs ORG/NAME, as in tether pull '],
    [['frob'], 'frob is not a command; name a model with --model frob'],
    [['docter'], 'docter is not a command; did you mean tether doctor?'],
    [['help', 'docter'], 'docter is not a command; did you mean tether help doctor?'],
  ])('%j exits with status 2 and writes no file', async (args, message) => {
    const { code, stdout, stderr } = await tether.start(args).ended
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(`tether: ${message}`)
    expect(readdirSync(tether.place.home)).toEqual([])
  })

  test.each([[['help', 'pull']], [['pull', '--help']]])('%j prints help on stdout', async (args) => {
    const { code, stdout, stderr } = await tether.start(args).ended
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^tether pull: .*\n\nUsage: tether pull ORG\/NAME \[flags\]\n/)
    expect(stdout).toContain('--revision REV')
  })

  test('a message longer than the terminal is wide breaks between words', async () => {
    const terminal = tether.openUntilStatus(['frob'])
    await terminal.shows('status 2')
    const said = terminal.screen().filter(Boolean).join(' ')
    expect(said).toContain('or pass it to Claude Code after -- See tether --help. status 2')
  })
})

// Node's own recursive mkdir never returns there.
test.runIf(process.platform === 'linux')('a home that cannot be made does not keep tether from ending', async () => {
  const running = tether.start(['--list', '--models-dir', tether.place.home], { HOME: '/proc/nope' })
  const timer = setTimeout(() => running.process.kill('SIGKILL'), 10_000)
  const { code, signal } = await running.ended
  clearTimeout(timer)
  expect([code, signal]).toEqual([0, null])
})
