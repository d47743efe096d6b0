/** The command line as a process: its mistakes and its help. */
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { useTether } from '../support/cli-fixture.js'

const tether = useTether()

describe('the command line', () => {
  test.each([
    [['pull'], 'tether pull needs ORG/NAME, as in\n  tether pull '],
    [['frob'], 'unknown command frob. If it is a model, or a prompt for Claude Code:\n  tether --model frob\n'],
    [['docter'], 'unknown command docter. Did you mean tether doctor?'],
    [['help', 'docter'], 'unknown command docter. Did you mean tether help doctor?'],
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

  test('in a folder that is gone says so', async () => {
    mkdirSync(join(tether.place.home, 'gone'))
    const wrap = 'cd gone && rm -r ../gone; "$@"; echo "status $?"; sleep 60'
    const terminal = tether.openUntilStatus(['serve', '--model', 'one'], { wrap })
    await terminal.shows('status 1')
    expect(terminal.screen().join('\n')).toContain('tether: the folder that you stand in is gone: cd to another one\n')
  })

  test('a message longer than the terminal is wide breaks between words', async () => {
    const terminal = tether.openUntilStatus(['frob'], { columns: 50 })
    await terminal.shows('status 2')
    const said = terminal.screen().filter(Boolean)
    expect(said.join(' ')).toContain('unknown command frob. If it is a model, or a prompt for Claude Code:')
    expect(said.slice(-3)).toEqual(['For help:', '  tether --help', 'status 2'])
  })

  test.each([
    [['pull', '--nonsense'], 'tether help pull'],
    [['bench', '--runs', 'many'], 'tether help bench'],
    [['env', '--port', 'x'], 'tether help env'],
    [['--nonsense'], 'tether --help'],
  ])('%j says which help to read', async (args, command) => {
    const { code, stderr } = await tether.start(args).ended
    expect([code, stderr]).toEqual([2, expect.stringContaining(`\nFor help:\n  ${command}\n`)])
  })

  test.each(['ls', 'list'])('%s lists the models', async (verb) => {
    const { code, stdout } = await tether.start([verb]).ended
    expect([code, stdout]).toEqual([0, (await tether.start(['--list']).ended).stdout])
  })
})

// Node's own recursive mkdir never returns there.
test.runIf(process.platform === 'linux')('a home that cannot be made does not keep tether from ending', async () => {
  const running = tether.start(['--list', '--models-dir', tether.place.home], { HOME: '/proc/nope' })
  const { code, signal } = await running.ended
  expect([code, signal]).toEqual([0, null])
})
