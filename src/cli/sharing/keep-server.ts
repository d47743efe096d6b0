/** Keeps the server of a terminal alive: should it die while an agent works on it, another one takes its place. */
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { realPath } from '../../models/real-path.js'
import { reasonOf } from '../../one-line.js'
import { within } from '../../within.js'
import type { Log } from '../log/log.js'
import { knownServers } from '../serving/running-servers.js'
import type { Left, ServePlan, ServerFacts } from './messages.js'
import { attachTo, type Obtained, startServer, type Terminal } from './obtain-server.js'
import { takeStartLock } from './start-lock.js'

export interface KeptServer {
  facts: ServerFacts
  /** The terminal is done. undefined: the server is gone. */
  leave(): Promise<Left | undefined>
  /** After `leave`: once the server has ended, if it does. */
  serverEnded(): Promise<void>
  /** What a person has to know of, once the agent is gone. */
  notes(): string[]
}

/** How often it is started again where it dies within a minute; then the agent's own errors say what is wrong. */
const mostDeaths = 3
const quickMs = 60_000
/** How long a terminal that is done waits for a server that is on its way: its agent may have had an answer of that already. */
const graceMs = 1000
/** Its port may be busy for a moment. */
const pausesMs = [0, 500, 2000, 5000, 10_000]

export interface Keeping {
  log: Pick<Log, 'warning' | 'error'>
  /** The agent that works on it, as people write it. */
  client: string
}

export function keepServer(first: Obtained, starter: Terminal, { log, client }: Keeping): KeptServer {
  const { facts } = first.lease
  const terminal = { ...starter, model: first.model }
  let now: Obtained | undefined = first
  let isDone = false
  let deaths = 0
  let replacing: Promise<void> | undefined
  const notes: string[] = []

  const watch = async (obtained: Obtained) => {
    const since = performance.now()
    const how = await obtained.lease.lost
    now = undefined
    if (isDone) return
    if (how === 'stopped') {
      notes.push(`the server was stopped while ${client} worked on it`)
      return
    }
    deaths = performance.now() - since > quickMs ? 1 : deaths + 1
    log.warning(`the server of process ${obtained.lease.facts.pid} has died`)
    if (deaths > mostDeaths) return giveUp(`it died ${deaths} times`)
    replacing = replace()
  }
  const giveUp = (why: string) => {
    const note = `the server could not be started again: ${why}`
    log.error(note)
    notes.push(note)
  }
  const replace = async () => {
    let why = ''
    for (const pause of pausesMs) {
      await sleep(pause, undefined, { ref: false })
      if (isDone) return
      try {
        now = await inItsPlace(facts, terminal)
      } catch (error) {
        why = reasonOf(error)
        log.warning(`the server cannot be started again yet: ${why}`)
        continue
      }
      // The agent ended meanwhile: closing the connection ends what was started for it.
      if (isDone) return now.peer.end()
      log.warning(`process ${now.lease.facts.pid} serves in its place`)
      if (notes.length === 0)
        notes.push(`the server died while ${client} worked on it, and was started again${whatItLogged(facts)}`)
      return void watch(now)
    }
    giveUp(why)
  }
  void watch(first)
  return {
    facts,
    async leave() {
      if (!now && replacing) await within(graceMs, replacing)
      isDone = true
      return now?.lease.leave()
    },
    serverEnded: () => now?.lease.serverEnded() ?? Promise.resolve(),
    notes: () => notes,
  }
}

/** At the same address with the same keys, so that what is sent again arrives. One of its terminals starts it. */
async function inItsPlace({ url, plan }: ServerFacts, terminal: Terminal): Promise<Obtained> {
  const release = await takeStartLock().catch(() => () => {})
  try {
    // Not by its name, which ends with that of an adapter once the model is loaded.
    const path = realPath(plan.found.path)
    const other = knownServers().find((one) => portOf(one.url) === portOf(url) && one.shared?.path === path)
    const attached = other && (await attachTo(other, terminal))
    if (attached) return attached
    const starting = startServer(planAt(portOf(url), plan), terminal)
    await starting.heard
    release()
    return await starting.obtained
  } finally {
    release()
  }
}

/** One that stood in a terminal of its own is gone for good with that; what takes its place ends with the last user. */
function planAt(port: number, plan: ServePlan): ServePlan {
  return {
    ...plan,
    settings: { ...plan.settings, port },
    portFixed: true,
    inPlace: true,
    launched: plan.launched || !plan.detached,
  }
}

function whatItLogged({ log }: ServerFacts): string {
  return log !== undefined && existsSync(log) ? `: ${log} may say why` : ''
}

function portOf(url: string): number {
  return Number(new URL(url).port)
}
