/** The real Claude Code on a scripted model, in print mode: long loops, and what it does when the window is full. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toolResults } from '../support/claude-events.js'
import {
  type Answered,
  ask,
  askedOf,
  expectAllAnswered,
  expectNothingLeft,
  makeWorkplace,
  requestsOf,
  type Workplace,
  writeUserSettings,
} from '../support/cli-e2e.js'
import { call, play } from '../support/play.js'

const bash = (command: string) => call('Bash', { command, description: 'Runs it' })
const answersOf = (place: Workplace) => requestsOf(place).filter((line): line is Answered => line.type === 'ended')

describe('a long tool loop', () => {
  let place: Workplace
  let results: string[]
  let answer: string
  const hooked = () => join(place.home, 'hooked')

  beforeAll(async () => {
    place = makeWorkplace({ scripted: true, flags: ['--max-context', '131072'] })
    const command = `cat >> ${hooked()}`
    writeUserSettings(place, { hooks: { PreToolUse: [{ matcher: 'Bash', hooks: [{ type: 'command', command }] }] } })
    const server = { command: process.execPath, args: [join(import.meta.dirname, '../support/mcp-server.mjs')] }
    const servers = join(place.home, 'mcp.json')
    writeFileSync(servers, JSON.stringify({ mcpServers: { big: server } }))
    const agent = (name: string) =>
      call('Agent', {
        description: `Asks ${name}`,
        subagent_type: 'general-purpose',
        run_in_background: false,
        prompt: play([bash(`echo ${name} was here`)], [`${name} is done.`]),
      })
    const lines = (word: string) => bash(`yes '${word} brave otters' | head -c 28000`)
    const script = play(
      [
        { think: 'The tool has to be loaded.' },
        call('ToolSearch', { query: 'select:mcp__big__repeat', max_results: 1 }),
      ],
      ['Looking.', bash('echo first'), bash('echo second'), call('mcp__big__repeat', { characters: 100_000 })],
      [agent('Ada'), agent('Bo')],
      ['one', 'two', 'three', 'four'].map(lines),
      ['All is done.'],
    )
    const flags = ['--output-format', 'stream-json', '--verbose', '--mcp-config', servers]
    const { stdout } = await ask(place, script, ...flags, '--allowedTools', 'Bash', 'Agent', 'mcp__big__repeat')
    results = toolResults(stdout)
    answer = (JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '{}') as { result: string }).result
  }, 120_000)
  afterAll(() => place.remove())

  test('is answered request by request, none of them twice', async () => {
    expect(answer).toBe('All is done.')
    expectAllAnswered(place)
    // Five of the conversation, and two of each subagent.
    expect(askedOf(place).map(({ stream }) => stream)).toEqual(Array.from({ length: 9 }, () => true))
    await expectNothingLeft(place)
  })

  test('gets the results of parallel calls', () => {
    expect(results).toEqual(expect.arrayContaining(['first', 'second']))
  })

  test('runs subagents beside each other, which call tools of their own', () => {
    for (const name of ['Ada', 'Bo']) {
      expect(results).toContain(`${name} was here`)
      expect(results.some((text) => text.includes(`\n  ${name} is done.`))).toBe(true)
    }
  })

  test('loads a tool of an MCP server and calls it', () => {
    // Claude Code keeps a result of 100 kB in a file, and tells the model where.
    expect(results).toContainEqual(
      expect.stringMatching(/^Error: result \([\d,]+ characters across 5,000 lines\).*saved/),
    )
  })

  test('sends results of 112 kB in one request', () => {
    expect(results.filter((text) => text.length > 27_900 && text.length <= 28_000)).toHaveLength(4)
    const sizes = askedOf(place).map(({ bytes }) => bytes)
    expect(Math.max(...sizes) - (sizes.at(-2) ?? 0)).toBeGreaterThan(112_000)
  })

  test('reuses what was read for the request before', () => {
    const last = answersOf(place).at(-1)
    // All but the four results, which are new: 28 kB are some 11000 tokens.
    expect((last?.inputTokens ?? 0) - (last?.cachedTokens ?? 0)).toBeLessThan(60_000)
    expect(last?.cachedTokens).toBeGreaterThan(20_000)
  })

  test("runs the user's hooks", () => {
    expect(existsSync(hooked()) && readFileSync(hooked(), 'utf8')).toContain('"command":"echo first"')
  })
})

describe('when the window is full', () => {
  let place: Workplace
  beforeAll(() => {
    place = makeWorkplace({ scripted: true, flags: ['--max-context', '49152'] })
  })
  afterAll(() => place.remove())

  test('Claude Code compacts in time and goes on', async () => {
    const script = play(
      [bash('seq 1 2500')],
      [bash('echo after it > after.txt')],
      [bash('cat after.txt')],
      ['All is done.'],
    )
    const { code, stdout } = await ask(
      place,
      script,
      '--allowedTools',
      'Bash',
      '--output-format',
      'stream-json',
      '--verbose',
    )
    expect(code).toBe(0)
    expect(stdout).toContain('"subtype":"compact_boundary"')
    expect(toolResults(stdout)).toContain('after it')
    expect(stdout.trimEnd().split('\n').at(-1)).toContain('"result":"All is done."')
    expectAllAnswered(place)
  })
})

describe('when one result is more than the window holds', () => {
  let place: Workplace
  beforeAll(() => {
    place = makeWorkplace({ scripted: true, flags: ['--max-context', '49152'] })
  })
  afterAll(() => place.remove())

  test('Claude Code is told so once, compacts and goes on', async () => {
    const script = play([bash('seq 1 6000')], ['This is not reached.'])
    const { code, stdout } = await ask(place, script, '--allowedTools', 'Bash')
    expect({ code, answer: stdout.trim() }).toEqual({ code: 0, answer: 'The beginning is forgotten.' })
    expectAllAnswered(place, { tooLong: 1 })
  })
})
