/** Gets a terminal its server: one that runs already, or a new one. Of two that start at once, one starts it. */
import { TetherError } from '../../errors.js'
import { version } from '../package.js'
import { knownServers, type ServerRecord } from '../serving/running-servers.js'
import { runAgain, tetherCommand } from '../tether-command.js'
import type { Answer, Question } from './ask-which.js'
import { askForLease, askRunning, connectTo, type Lease, ServerGone, ServerSilent, stopServer } from './lease.js'
import type { ServePlan, ToServer } from './messages.js'
import { type Candidate, candidates } from './running-match.js'
import type { Wanted } from './same-server.js'
import { hasSocket, silentText } from './silent-server.js'
import { spawnServer } from './spawn-server.js'
import { takeStartLock } from './start-lock.js'

export interface Starter {
  /** Let in while the terminal uses the server. Unset: it only waits for the model. */
  key?: string
  /** What the server calls its model. Unset: its first one. */
  model?: string
  onLoading: (fraction: number, bytes: number) => void
  /** What a server's process prints while it starts. */
  onOutput: (text: string) => void
}

export interface Terminal extends Starter {
  key: string
  say: (line: string) => void
}

export interface Obtained {
  lease: Lease
  peer: ToServer
  /** By this terminal. */
  isNew: boolean
  /** As of Starter. */
  model?: string
}

/** One that runs and is wanted; undefined: there is none. `port`: only on this one. Rejects with what its load throws. */
export async function attachToSame(
  wanted: Wanted | undefined,
  port: number | undefined,
  terminal: Terminal,
): Promise<Obtained | undefined> {
  for (const { record, name: model, differs } of running(wanted, port)) {
    const obtained = differs ? undefined : await attachTo(record, { ...terminal, model })
    if (obtained) return obtained
  }
  return undefined
}

/** undefined: it cannot be reached any more. Throws `no_server` where it runs and does not answer. */
export async function attachTo(
  record: ServerRecord,
  { key, model, onLoading }: Terminal,
): Promise<Obtained | undefined> {
  const peer = await connectTo(record)
  if (!peer) return undefined
  try {
    return { lease: await askRunning(peer, { key, model, onLoading }), peer, isNew: false, model }
  } catch (error) {
    peer.end()
    if (error instanceof ServerSilent) throw new TetherError('no_server', `${silentText(record)}\n${instead()}`)
    // It ended in this moment.
    if (error instanceof ServerGone) return undefined
    throw error
  }
}

function instead(): string {
  return `To start another server:\n  ${runAgain({ drop: ['--attach'], add: ['--own'] })}`
}

function running(wanted: Wanted | undefined, port: number | undefined): Candidate[] {
  return candidates(knownServers().filter(hasSocket), wanted, { version: version(), port })
}

/** Those that could be used, had they a socket. */
function unreachable(wanted: Wanted | undefined, port: number | undefined): ServerRecord[] {
  const all = candidates(knownServers(), wanted, { version: version(), port })
  return all.filter(({ record, differs }) => !differs && !hasSocket(record)).map(({ record }) => record)
}

export interface Wish {
  plan: ServePlan
  wanted: Wanted
  /** Start one whatever runs. */
  own: boolean
  /** The port that was asked for. */
  port?: number
  terminal: Terminal
  ask: (question: Question) => Promise<Answer>
}

/** Of servers that seem to be there and cannot be reached. */
const mostTries = 3

/** Rejects with what the load throws; then no process is left. */
export async function obtainServer(wish: Wish): Promise<Obtained> {
  const { plan, wanted, own, port, terminal } = wish
  if (!own) for (const record of unreachable(wanted, port)) terminal.say(silentText(record))
  for (let tries = 1; ; tries++) {
    if (!own) {
      const obtained = (await attachToSame(wanted, port, terminal)) ?? (tries === 1 && (await askAboutOthers(wish)))
      if (obtained) return obtained
    }
    const release = await lockIfPossible()
    try {
      // Another tether may have started it while this one waited for the lock.
      const isThere = !own && running(wanted, port).some(({ differs }) => !differs)
      if (isThere && tries < mostTries) continue
      const starting = startServer(plan, terminal)
      await starting.heard
      release()
      return await starting.obtained
    } finally {
      release()
    }
  }
}

/** The latest one that can be used at all. undefined: a server is to be started. */
async function askAboutOthers({ wanted, port, terminal, ask, plan }: Wish): Promise<Obtained | undefined> {
  const [other] = running(wanted, port)
  if (!other) return undefined
  const { name, path } = plan.found
  const answer = await ask({ other, name, path, say: terminal.say })
  if (answer === 'attach') return attachTo(other.record, { ...terminal, model: other.name })
  if (answer === 'restart' && !(await stopServer(other.record))) {
    throw new TetherError(
      'internal',
      `the server of process ${other.record.pid} does not end. To end it:\n  kill -9 ${other.record.pid}`,
    )
  }
  return undefined
}

/** For --attach: whatever runs. Throws `no_server`. */
export async function attachToAny(port: number | undefined, terminal: Terminal): Promise<Obtained> {
  const obtained = await attachToSame(undefined, port, terminal)
  if (obtained) return obtained
  const [old] = running(undefined, port)
  const [lost] = unreachable(undefined, port)
  if (lost) throw new TetherError('no_server', `${silentText(lost)}\n${instead()}`)
  const why = old
    ? `tether ${version()} cannot use the server at ${old.record.url}, of another version`
    : 'no tether is running'
  throw new TetherError('no_server', `${why}. To start one:\n  ${tetherCommand([])}`)
}

interface Starting {
  /** Once it listens, or cannot. */
  heard: Promise<void>
  obtained: Promise<Obtained>
  /** Ends it, also while it loads. */
  stop(): void
}

/** The new process is attached to from its first moment, so it ends if this one does. */
export function startServer(plan: ServePlan, { key, model, onLoading, onOutput }: Starter): Starting {
  const { peer, ended } = spawnServer(plan, onOutput)
  const { heard, lease } = askForLease(peer, { key, model, onLoading })
  const obtained = lease.then(
    (taken) => ({ lease: taken, peer, isNew: true, model }),
    async (error) => {
      peer.end()
      const how = await ended
      throw error instanceof ServerGone ? new TetherError('internal', `the server's process is gone: ${how}`) : error
    },
  )
  obtained.catch(() => {})
  return { heard, obtained, stop: () => peer.send({ type: 'stop' }) }
}

/** A folder that is not writable costs only that others find the server, which that one says. */
async function lockIfPossible(): Promise<() => void> {
  try {
    return await takeStartLock()
  } catch {
    return () => {}
  }
}
