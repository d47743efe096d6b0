/** tether compiled once for a test file, and a fresh home for each of its tests. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished } from 'vitest'
import {
  compileCli,
  type InTerminal,
  makePlace,
  openTether,
  type Place,
  processesOf,
  startTether,
  type Tether,
} from './cli-process.js'
import type { Terminal } from './terminal.js'
import { until } from './until.js'

export interface TetherFixture {
  /** The folder of the compiled package. */
  readonly compiled: string
  readonly place: Place
  /** The folder of the demo model. */
  readonly demo: string
  start(args: string[], env?: Record<string, string>): Tether
  /** With --model, so that no picker is shown. */
  startOnDemo(args: string[], env?: Record<string, string>): Tether
  /** On the demo model, with the fake claude, which gets these arguments. */
  startWithClaude(claudeArgs: string[], env?: Record<string, string>): Tether
  /** Starts it in a terminal that prints its exit status as `status N` and then stays open until the test ends. */
  openUntilStatus(args: string[], more?: InTerminal): Terminal
  /** Starts a server and waits until it answers. -> its address */
  serve(args?: string[]): Promise<string>
  /** Writes a configuration file, 10-test.toml. */
  configure(text: string): void
  /** Expects that no process of tether's and no temporary file is left. */
  expectNothingLeft(): Promise<void>
}

/** Registers its hooks; call it once, at the top of a test file. */
export function useTether(): TetherFixture {
  let compiled: string
  let place: Place
  beforeAll(() => {
    compiled = compileCli()
  }, 60_000)
  afterAll(() => rmSync(compiled, { recursive: true }))
  beforeEach(() => {
    place = makePlace()
  })
  afterEach(() => place.remove())

  const demo = () => join(compiled, 'demo', 'model')
  const start: TetherFixture['start'] = (args, env) => startTether(compiled, place, args, env)
  const startOnDemo: TetherFixture['start'] = (args, env) => start(['--model', demo(), ...args], env)
  return {
    get compiled() {
      return compiled
    },
    get place() {
      return place
    },
    get demo() {
      return demo()
    },
    start,
    startOnDemo,
    startWithClaude: (args, env) => startOnDemo(['--claude-path', place.claude, '--', ...args], env),
    openUntilStatus(args, more) {
      const wrap = 'trap : INT; "$@"; echo "status $?"; sleep 60'
      const terminal = openTether(compiled, place, args, { wrap, ...more })
      onTestFinished(() => terminal.kill('SIGKILL'))
      return terminal
    },
    async serve(args = []) {
      const server = startOnDemo(['--serve-only', '--port', '0', ...args])
      onTestFinished(() => void server.process.kill('SIGKILL'))
      await until(() => server.stderr().includes('Ctrl-C'))
      return / ready at (\S+)/.exec(server.stderr())?.[1] ?? ''
    },
    configure(text) {
      const folder = join(place.home, '.tether', 'config')
      mkdirSync(folder, { recursive: true })
      writeFileSync(join(folder, '10-test.toml'), text)
    },
    async expectNothingLeft() {
      await until(() => processesOf(place).length === 0)
      expect(readdirSync(place.temp)).toEqual([])
    },
  }
}
