/** Runs tether itself with the real Claude Code and the demo model, in a home and a repository of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { runFolder } from '../../src/cli/serving/run-folder.js'
import { collectOutput, type Ended } from './cli-output.js'
import { removePlace } from './remove-place.js'
import { openTerminal, type Terminal } from './terminal.js'
import { until } from './until.js'

const root = join(import.meta.dirname, '..', '..')

export interface Workplace {
  home: string
  /** The working directory of Claude Code: a git repository with one file. */
  repo: string
  temp: string
  requests: string
  remove(): void
  /** The program in the place of `tether`, more of its flags, and variables of its environment. */
  program: string
  flags: string[]
  env: Record<string, string>
}

/** `scripted`: the model answers as the prompts of test/support/play.ts say. */
export function makeWorkplace({ scripted = false, flags = [] as string[], env = {} } = {}): Workplace {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'tether-e2e-')))
  const place = {
    program: scripted ? join(import.meta.dirname, 'scripted-tether.mjs') : join(root, 'bin', 'tether.mjs'),
    flags,
    env,
    home: join(base, 'home'),
    repo: join(base, 'repo'),
    temp: join(base, 'temp'),
    requests: join(base, 'requests.jsonl'),
    remove: () => removePlace(base),
  }
  for (const folder of [place.home, place.repo, place.temp]) mkdirSync(folder)
  execFileSync('git', ['init', '-q'], { cwd: place.repo, env: environment(place) })
  return place
}

export interface Session {
  process: ChildProcess
  ended: Promise<Ended>
}

/** `tether --model demo/model -- ...claudeArgs`, leading a process group of its own as in a terminal. */
export function startSession(place: Workplace, claudeArgs: string[]): Session {
  return start(place, [...command(place), '--', ...claudeArgs])
}

/** `tether serve` in the foreground, as a service manager starts it. */
export function startServer(place: Workplace): Session {
  return start(place, [place.program, 'serve', ...serverFlags(place)])
}

function start(place: Workplace, words: string[]): Session {
  const child = spawn(process.execPath, words, {
    cwd: place.repo,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment(place),
  })
  return { process: child, ended: collectOutput(child).ended }
}

/** The same in a terminal, past the questions of a first start. */
export function openSession(place: Workplace, claudeArgs: string[] = []): Terminal {
  const projects = { [place.repo]: { hasTrustDialogAccepted: true } }
  const seen = { hasCompletedOnboarding: true, theme: 'dark', numStartups: 5, projects }
  writeFileSync(join(place.home, '.claude.json'), JSON.stringify(seen))
  const env = { ...environment(place), NO_COLOR: '1' }
  const words = [...command(place), '--', ...claudeArgs]
  return openTerminal(process.execPath, words, { cwd: place.repo, env, columns: 120, rows: 40 })
}

/** Types a line into Claude Code, and sends it once it is on the screen: keys that follow too soon count as pasted. */
export async function say(terminal: Terminal, line: string): Promise<void> {
  terminal.type(line)
  await terminal.shows(`❯ ${line.slice(0, 60)}`)
  await new Promise((resolve) => setTimeout(resolve, 300))
  terminal.type('\r')
}

/** Ends Claude Code with the keys that its users press. -> the exit status */
export async function leave(terminal: Terminal): Promise<number> {
  terminal.type('\u0003')
  await new Promise((resolve) => setTimeout(resolve, 300))
  terminal.type('\u0003')
  return terminal.ended
}

function command(place: Workplace): string[] {
  const claude = process.env.TETHER_TEST_CLAUDE
  if (!claude) throw new Error('TETHER_TEST_CLAUDE must name the claude program; npm run test:e2e sets it')
  return [place.program, '--claude-path', claude, ...serverFlags(place)]
}

function serverFlags(place: Workplace): string[] {
  return ['--model', join(root, 'demo', 'model'), '--port', '0', '--request-log', place.requests, ...place.flags]
}

/** Asks one question in print mode. */
export function ask(place: Workplace, prompt: string, ...more: string[]): Promise<Ended> {
  return startSession(place, ['-p', prompt, ...more]).ended
}

export interface Asked {
  type: 'asked'
  stream: boolean
  bytes: number
  sha256: string
}

export interface Answered {
  type: 'ended'
  path: string
  status: number
  stopReason?: string
  inputTokens?: number
  cachedTokens?: number
  error?: string
}

export function requestsOf(place: Workplace): (Asked | Answered)[] {
  if (!existsSync(place.requests)) return []
  const lines = readFileSync(place.requests, 'utf8').split('\n')
  // The last line may be incomplete.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Asked | Answered)
}

export function askedOf(place: Workplace): Asked[] {
  return requestsOf(place).filter((line) => line.type === 'asked')
}

/** Expects this many requests, each sent once and as a stream: a retry would be a repeated body or no stream. */
export function expectNoRetry(place: Workplace, messages: number): void {
  const asked = askedOf(place)
  expect(asked.map(({ stream }) => stream)).toEqual(Array.from({ length: messages }, () => true))
  expect(new Set(asked.map(({ sha256 }) => sha256)).size).toBe(messages)
}

/**
 * Expects that no request was sent twice, and that each got its answer: 2xx, or where it was too long for the window a
 * 400, so often. A request that its client left counts as answered.
 */
export function expectAllAnswered(place: Workplace, { tooLong = 0 } = {}): void {
  const lines = requestsOf(place)
  const sent = lines.filter((line) => line.type === 'asked').map(({ sha256 }) => sha256)
  expect(sent.length - new Set(sent).size, 'requests that were sent again').toBe(0)
  // Anybody on the machine may ask the port for its /health or /metrics.
  const ended = lines.filter((line) => line.type === 'ended' && line.path.startsWith('/v1/')) as Answered[]
  const refused = ended.filter(({ status }) => status !== 499 && (status < 200 || status > 299))
  expect(refused.map(({ path, status, error = '' }) => `${path} ${status} ${error.replace(/\d+/g, 'N')}`)).toEqual(
    Array.from({ length: tooLong }, () => '/v1/messages 400 prompt is too long: N tokens > N maximum'),
  )
}

/** Expects that no process of the session and no settings file is left. */
export async function expectNothingLeft(place: Workplace): Promise<void> {
  await until(() => processesOf(place).length === 0)
  expect(readdirSync(place.temp).filter((name) => name.startsWith('tether-'))).toEqual([])
}

/** The process ids of Claude Code itself. */
export function claudesOf(place: Workplace): number[] {
  const settings = join(place.temp, 'tether-settings-')
  return processesOf(place)
    .filter((line) => line.includes('--settings') && line.includes(settings))
    .map((line) => Number.parseInt(line, 10))
}

/** The process ids of the servers that are recorded. */
export function serversOf(place: Workplace): number[] {
  const folder = runFolder(place.home)
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : []
  return names.map((name) => Number.parseInt(name, 10))
}

/** The address of a server that is recorded, and its key. */
export function recordOf(place: Workplace, pid: number): { url: string; key?: string } {
  return JSON.parse(readFileSync(join(runFolder(place.home), `${pid}.json`), 'utf8'))
}

/** Processes that name a folder of the workplace in their command line, as all of a launched tether's do with `temp`. */
export function processesOf(place: Workplace, folder = place.temp): string[] {
  const lines = execFileSync('ps', ['-A', '-ww', '-o', 'pid=,stat=,args='], { encoding: 'utf8' }).split('\n')
  return lines.filter((line) => line.includes(folder) && !/^\s*\d+\s+Z/.test(line))
}

/** Has nothing of the machine's own Claude Code: no account, no settings, no provider. */
function environment(place: Workplace): Record<string, string> {
  const terminal = { PATH: process.env.PATH ?? '', TERM: 'xterm-256color', LANG: 'C.UTF-8' }
  return { HOME: place.home, TMPDIR: place.temp, ...terminal, ...place.env }
}

/** Writes the user's own settings, which override the environment for Claude Code. */
export function writeUserSettings(place: Workplace, settings: object): void {
  mkdirSync(join(place.home, '.claude'), { recursive: true })
  writeFileSync(join(place.home, '.claude', 'settings.json'), JSON.stringify(settings))
}
