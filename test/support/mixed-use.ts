/**
 * A server as a service manager starts it, two terminals with Claude Code, one that comes and goes, and an editor's clients of
 * both protocols, all at once. Expects one server throughout, which answers every request, and whose memory stays.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { expect } from 'vitest'
import {
  ask,
  expectAllAnswered,
  leave,
  openSession,
  processesOf,
  recordOf,
  say,
  serversOf,
  startServer,
  type Workplace,
} from './cli-e2e.js'
import type { Terminal } from './terminal.js'
import { until } from './until.js'

// Of which each stays off the screen for a while before it comes again.
const WORDS = [
  'tundra',
  'pelican',
  'marmalade',
  'pineapple',
  'walnut',
  'harbor',
  'kettle',
  'violin',
  'lantern',
  'meadow',
]
const WAIT = 60_000
/** Kept prefixes fill what it leaves within minutes, so that memory that goes on growing is seen. */
const MEMORY_CAP = ['--memory-cap', '96MB']

export async function mixedUse(place: Workplace, seconds: number): Promise<void> {
  place.flags.push(...MEMORY_CAP)
  const server = startServer(place)
  const terminals: Terminal[] = []
  try {
    await until(() => serversOf(place).length === 1 && isReady(place), WAIT)
    const [pid = 0] = serversOf(place)
    terminals.push(openSession(place), openSession(place))
    for (const terminal of terminals) await terminal.shows(/ demo · 0 of 64k \(0%\)\n/, WAIT)
    const end = performance.now() + seconds * 1000
    const memory: number[] = []
    const goOn = () => performance.now() < end
    const watching = watch(place, pid, goOn, memory)
    const turns = [...terminals.map((terminal) => talk(terminal, goOn)), edit(recordOf(place, pid), goOn)]
    await Promise.all([watching, ...turns, comeAndGo(place, goOn)])
    for (const terminal of terminals) expect(await leave(terminal)).toBe(0)
    expectAllAnswered(place)
    expect(serversOf(place)).toEqual([pid])
    console.log(`the server's memory, in MB by quarters: ${quarters(memory).join(', ')}`)
    const [, second = 0, , last = 0] = quarters(memory)
    expect(last).toBeLessThan(1.15 * second)
  } finally {
    for (const terminal of terminals) terminal.kill('SIGTERM')
    await Promise.all(terminals.map(({ ended }) => ended))
    server.process.kill('SIGTERM')
    await server.ended
  }
  await until(() => processesOf(place, dirname(place.temp)).length === 0, WAIT)
}

function isReady(place: Workplace): boolean {
  const [pid] = serversOf(place)
  return pid !== undefined && 'window' in recordOf(place, pid)
}

/** A terminal: one short turn after another. */
async function talk(terminal: Terminal, goOn: () => boolean): Promise<void> {
  for (let turn = 0; goOn(); turn++) {
    const word = WORDS[turn % WORDS.length]
    await say(terminal, `Say ${word}.`)
    await terminal.shows(new RegExp(`❯ Say ${word}\\.\\s+● \\S`), WAIT)
    await sleep(3000)
  }
}

/** A third terminal, in print mode. */
async function comeAndGo(place: Workplace, goOn: () => boolean): Promise<void> {
  for (let turn = 0; goOn(); turn++) {
    const { code, stdout, stderr } = await ask(place, `Say ${WORDS[turn % WORDS.length]}.`)
    expect({ code, answers: stdout.trim().length > 0 }, stderr).toEqual({ code: 0, answers: true })
    await sleep(4000)
  }
}

/** The clients of an editor, which never ask twice. */
async function edit({ url, key = 'any' }: { url: string; key?: string }, goOn: () => boolean): Promise<void> {
  const anthropic = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 })
  const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 })
  for (let turn = 0; goOn(); turn++) {
    const messages = [{ role: 'user' as const, content: `Say ${WORDS[turn % WORDS.length]}. (${turn})` }]
    const asked = { model: 'demo', max_tokens: 60, messages }
    const counted = await anthropic.messages.countTokens({ model: 'demo', messages })
    const answer = await anthropic.messages.stream(asked).finalMessage()
    const { input_tokens, cache_read_input_tokens, cache_creation_input_tokens } = answer.usage
    expect(input_tokens + (cache_read_input_tokens ?? 0) + (cache_creation_input_tokens ?? 0)).toBe(
      counted.input_tokens,
    )
    const chat = await openai.chat.completions.create({ ...asked, seed: turn })
    expect(chat.choices[0]?.finish_reason).toMatch(/stop|length/)
    await sleep(1500)
  }
}

/** Looks every second: one server, and no other process that has loaded the engine. `memory`: gets its resident MB. */
async function watch(place: Workplace, pid: number, goOn: () => boolean, memory: number[]): Promise<void> {
  while (goOn()) {
    expect(serversOf(place)).toEqual([pid])
    const all = processesOf(place, dirname(place.temp)).map((line) => Number.parseInt(line, 10))
    expect(all.filter((one) => one !== pid && hasEngine(one))).toEqual([])
    memory.push(Math.round(Number(execFileSync('ps', ['-o', 'rss=', '-p', `${pid}`], { encoding: 'utf8' })) / 1024))
    await sleep(1000)
  }
}

/** Only Linux tells. A process that has just ended has none. */
function hasEngine(pid: number): boolean {
  try {
    return existsSync('/proc') && readFileSync(`/proc/${pid}/maps`, 'utf8').includes('tether.node')
  } catch {
    return false
  }
}

/** The median of each quarter. */
function quarters(memory: number[]): number[] {
  return [0, 1, 2, 3].map((quarter) => {
    const part = memory.slice((memory.length * quarter) / 4, (memory.length * (quarter + 1)) / 4)
    return part.sort((a, b) => a - b)[Math.floor(part.length / 2)] as number
  })
}
