/** Runs tether as a child process with the fake library, in a home of its own, and finds what it leaves behind. */
import { type ChildProcess, type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { type ClaudeReport, writeFakeClaude } from './cli-fake-claude.js'
import { collectOutput, type Ended } from './cli-output.js'
import { writeModel } from './model-folders.js'
import { processesIn, removePlace } from './remove-place.js'
import { openTerminal, type Terminal } from './terminal.js'
import { until } from './until.js'

const root = join(import.meta.dirname, '..', '..')

/**
 * Compiles src/ to JavaScript, laid out as in the package, with a demo model. In build/, so that it finds node_modules.
 * -> its folder, to be removed by the caller
 */
export function compileCli(): string {
  mkdirSync(join(root, 'build'), { recursive: true })
  const out = mkdtempSync(join(root, 'build', 'test-cli-'))
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join('src', name))
  for (const source of [...sources, 'test/support/cli-entry.ts', 'test/support/cli-fake-library.ts']) {
    const target = join(out, source.replace(/\.ts$/, '.js'))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, toJavaScript(readFileSync(join(root, source), 'utf8')))
  }
  for (const asset of ['page.html', 'page.css', 'page.js'].map((name) => join('src/server/page', name)))
    copyFileSync(join(root, asset), join(out, asset))
  writeFileSync(join(out, 'package.json'), JSON.stringify({ type: 'module', version: '1.2.3' }))
  mkdirSync(join(out, 'scripts'))
  copyFileSync(join(root, 'scripts', 'node-version.cjs'), join(out, 'scripts', 'node-version.cjs'))
  writeModel(join(out, 'demo', 'model'))
  return out
}

export interface Place {
  home: string
  /** The temporary folder of tether and its children. */
  temp: string
  /** The fake claude. */
  claude: string
  report: string
  remove(): void
}

/** With no model and, on PATH, no claude. */
export function makePlace(): Place {
  const base = mkdtempSync(join(tmpdir(), 'tether-cli-test-'))
  for (const name of ['home', 'temp', 'bin']) mkdirSync(join(base, name))
  // Only what is needed: the machine's own claude must not be found.
  for (const tool of ['sh', 'ps', 'sleep', 'rm', 'stty']) {
    symlinkSync(execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim(), join(base, 'bin', tool))
  }
  return {
    home: join(base, 'home'),
    temp: join(base, 'temp'),
    claude: writeFakeClaude(join(base, 'claude-bin')),
    report: join(base, 'report.json'),
    remove: () => removePlace(base),
  }
}

export interface Tether {
  process: ChildProcess
  stdout(): string
  stderr(): string
  ended: Promise<Ended>
}

/** Starts it in a terminal. `wrap`: a shell script around it, which names the command as "$@". */
export function openTether(compiled: string, place: Place, args: string[], more: InTerminal = {}): Terminal {
  const { env, wrap = 'exec "$@"', ...size } = more
  const entry = join(compiled, 'test', 'support', 'cli-entry.js')
  const words = ['-c', wrap, 'sh', process.execPath, entry, ...args]
  return openTerminal('/bin/sh', words, { cwd: place.home, env: { ...environment(place), ...env }, ...size })
}

export interface InTerminal {
  env?: Record<string, string>
  wrap?: string
  columns?: number
  rows?: number
}

function environment(place: Place): Record<string, string> {
  return {
    HOME: place.home,
    TMPDIR: place.temp,
    PATH: join(dirname(place.home), 'bin'),
    FAKE_CLAUDE_REPORT: place.report,
  }
}

/** FAKE_INPUT is its standard input. Detached, so that a test can send a signal to the whole group as a terminal would. */
export function startTether(compiled: string, place: Place, args: string[], env: Record<string, string> = {}): Tether {
  const entry = join(compiled, 'test', 'support', 'cli-entry.js')
  const stdin = env.FAKE_INPUT === undefined ? 'ignore' : 'pipe'
  const child = spawn(process.execPath, [entry, ...args], {
    cwd: place.home,
    detached: true,
    stdio: [stdin, 'pipe', 'pipe'],
    env: { ...environment(place), ...env },
  })
  child.stdin?.end(env.FAKE_INPUT)
  return { process: child, ...collectOutput(child as ChildProcessByStdio<Writable | null, Readable, Readable>) }
}

/** Waits until the fake claude runs, or the agent in its place. */
export async function claudeReport<T = ClaudeReport & { child?: number }>(place: Place): Promise<T> {
  await until(() => existsSync(place.report))
  // What tether printed before is read first.
  await new Promise((resolve) => setImmediate(resolve))
  return JSON.parse(readFileSync(place.report, 'utf8')) as T
}

export function isAlive(pid: number): boolean {
  const state = execFileSync('sh', ['-c', `ps -o stat= -p ${pid} || true`], { encoding: 'utf8' }).trim()
  return state !== '' && !state.startsWith('Z')
}

/** Processes whose command line names the place, as lines that begin with their ids: none once tether has exited. */
export function processesOf(place: Place): string[] {
  return processesIn(dirname(place.home))
}

/** Kept in build/ by the hash of the source: many test files compile the same sources. */
function toJavaScript(source: string): string {
  const folder = join(root, 'build', 'test-cli-js')
  const path = join(folder, `${createHash('sha256').update(source).digest('hex')}.js`)
  if (existsSync(path)) return readFileSync(path, 'utf8')
  const ts = createRequire(import.meta.url)('typescript') as typeof import('typescript')
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true }
  const { outputText } = ts.transpileModule(source, { compilerOptions })
  mkdirSync(folder, { recursive: true })
  // Renamed into place: another test file may compile the same source at the same time.
  writeFileSync(`${path}.${process.pid}`, outputText)
  renameSync(`${path}.${process.pid}`, path)
  return outputText
}
