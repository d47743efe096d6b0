/** Runs an agent, such as Claude Code, in this terminal until it exits, and forwards signals between the two. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { keepTerminal } from '../terminal/keep-terminal.js'
import { exitStatus } from '../terminal/signals.js'
import { watchForOrphan } from './orphan-watch.js'
import { CannotRun } from './program-version.js'

export interface AgentProcess {
  program: string
  args: string[]
  env: Record<string, string>
  /** Removed if tether is killed; otherwise the caller removes it. */
  privateFolder: string
}

/** How long it may take to exit after a signal. */
const exitTimeoutMs = 5000

/**
 * Resolves with the exit status once the agent has exited: its own, or 128 + n if signal n ended it or was sent to
 * tether. An uncaught exception in tether ends the agent and rejects. Rejects with CannotRun if it cannot be started.
 */
export async function runProgram({ program, args, env, privateFolder }: AgentProcess): Promise<number> {
  let asked: NodeJS.Signals | undefined
  let fault: { error: unknown } | undefined
  let deadline: NodeJS.Timeout | undefined

  const restoreTerminal = keepTerminal()
  const child = spawn(program, args, { stdio: 'inherit', env })
  const stop = (signal: NodeJS.Signals) => {
    child.kill(signal)
    deadline ??= setTimeout(() => killAll(child), exitTimeoutMs)
  }
  const onStop = (signal: NodeJS.Signals) => {
    asked ??= signal
    stop(signal)
  }
  const onInterrupt = (signal: NodeJS.Signals) => interrupt(child, signal)
  const onFault = (error: unknown) => {
    fault ??= { error }
    stop('SIGTERM')
  }
  process.on('SIGTERM', onStop).on('SIGHUP', onStop)
  process.on('SIGINT', onInterrupt).on('SIGQUIT', onInterrupt)
  process.on('uncaughtException', onFault)
  const endWatch = child.pid === undefined ? undefined : watchForOrphan(child.pid, privateFolder)
  try {
    const status = await ended(child, program)
    if (child.signalCode) restoreTerminal()
    if (fault) throw fault.error
    return asked ? exitStatus(asked) : status
  } finally {
    clearTimeout(deadline)
    endWatch?.()
    process.off('SIGTERM', onStop).off('SIGHUP', onStop)
    process.off('SIGINT', onInterrupt).off('SIGQUIT', onInterrupt)
    process.off('uncaughtException', onFault)
  }
}

function ended(child: ChildProcess, program: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', (cause) => {
      // Once it runs, an error means that a signal could not be sent; 'exit' still follows.
      if (child.pid !== undefined) return
      reject(new CannotRun(`${program} cannot be run: ${cause.message}`, { cause }))
    })
    child.once('exit', (code, signal) => resolve(signal ? exitStatus(signal) : (code ?? 1)))
  })
}

/**
 * A terminal sends Ctrl-C to the agent as well, which decides what to do. Without a terminal the signal may have
 * reached tether alone, so it is forwarded, unless the agent exits by itself within a second.
 */
function interrupt(child: ChildProcess, signal: NodeJS.Signals): void {
  if (process.stdin.isTTY) return
  setTimeout(() => child.kill(signal), 1000).unref()
}

/** A process that gets SIGKILL cannot end its children, so they are looked up first and killed as well. */
function killAll(child: ChildProcess): void {
  const rest = child.pid === undefined ? [] : descendants(child.pid)
  child.kill('SIGKILL')
  for (const pid of rest) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** Empty where there is no ps, as in some containers. */
function descendants(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
  const rows = (stdout ?? '').split('\n').map((line) => line.trim().split(/\s+/).map(Number))
  const found: number[] = []
  const look = (parent: number) => {
    for (const [child, its] of rows) {
      if (its !== parent || child === undefined) continue
      found.push(child)
      look(child)
    }
  }
  look(pid)
  return found
}
