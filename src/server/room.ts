/** Makes room for models that are loaded and for requests, by unloading models that answer nobody. */
import { messageOf, TetherError } from '../errors.js'
import { closing } from './closing.js'
import type { Lease } from './house-types.js'
import { movable } from './movable.js'
import type { Home, Resident } from './resident.js'

export interface Room {
  /** A model for a request, once it is loaded. Throws why it cannot be, and `cancelled` once the signal fires. */
  use(wanted: Resident, signal: AbortSignal): Promise<Lease>
  /** Ends the loads that wait. One that runs cannot be ended: what it gives is closed. */
  stop(): void
}

/** How often it looks whether a request lacks memory that an idle model has. */
const LOOK_MS = 50

export function createRoom(residents: () => Resident[]): Room {
  let isClosed = false
  /** Loads, one after another. */
  let last: Promise<unknown> = Promise.resolve()
  const loading = new Map<Resident, Promise<Home>>()
  const { closed, unload, makeRoom } = createUnloads(residents)
  /** While a load waits for room. */
  let hungry: Promise<void> | undefined
  let wake = () => {}
  let fed = () => {}
  /** For each load: its requests no longer wait. */
  const ends = new Set<(why: TetherError) => void>()

  /** Until a model answers nobody any more. Meanwhile others get no more requests: it would never get room. */
  const roomChanges = () => {
    hungry ??= new Promise((resolve) => {
      fed = resolve
    })
    return new Promise<void>((resolve) => {
      wake = resolve
    })
  }
  const load = async (wanted: Resident): Promise<Home> => {
    for (let lacked = false; ; lacked = true) {
      if (isClosed) throw closing()
      if (wanted.users === 0) throw abandoned(wanted, lacked)
      try {
        const home = await wanted.load({ asksForRoom: residents().every(({ canReload }) => canReload) })
        if (isClosed) await unload(wanted)
        return home
      } catch (error) {
        if (!(error instanceof TetherError) || error.code !== 'memory_in_use') throw cannotLoad(wanted.name, error)
        if ((await closed()) || (await makeRoom(wanted))) continue
        if (!residents().some((one) => one !== wanted && one.canUnload)) throw cannotLoad(wanted.name, error)
        wanted.waits()
        await roomChanges()
      }
    }
  }
  const loadInTurn = (wanted: Resident): Promise<Home> => {
    const work = last.then(() => wanted.home ?? load(wanted))
    const turn = endable(work, ends, () => {
      loading.delete(wanted)
      hungry = undefined
      fed()
    })
    last = work.catch(() => {})
    loading.set(wanted, turn)
    return turn
  }
  /** For a request under which a model was closed. */
  const comeBack = async (wanted: Resident): Promise<Home> => {
    while (hungry && !loading.has(wanted)) await hungry
    return wanted.home ?? loading.get(wanted) ?? loadInTurn(wanted)
  }
  const timer = setInterval(
    once(() => giveWay(residents(), { makeRoom, unload })),
    LOOK_MS,
  ).unref()

  return {
    async use(wanted, signal) {
      while (hungry && !loading.has(wanted)) await unlessLeft(hungry, signal)
      const giveBack = enter(wanted, () => wake())
      try {
        const home = wanted.home ?? (await unlessLeft(loading.get(wanted) ?? loadInTurn(wanted), signal))
        return { ...movable(home, () => unlessLeft(comeBack(wanted), signal)), giveBack }
      } catch (error) {
        giveBack()
        throw error
      }
    },
    stop() {
      isClosed = true
      clearInterval(timer)
      wake()
      for (const end of ends) end(closing())
    },
  }
}

/** Nobody waits for its load any more. `lacked`: it was tried, and there was no room. -> why it is not loaded */
function abandoned(wanted: Resident, lacked: boolean): TetherError {
  if (lacked) wanted.abandon()
  return new TetherError('cancelled', 'nobody waits for the model any more')
}

/** The same, but it can be ended before. `over`: called once the work itself is over. */
function endable<T>(work: Promise<T>, ends: Set<(why: TetherError) => void>, over: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    ends.add(reject)
    void work.then(resolve, reject).then(() => {
      ends.delete(reject)
      over()
    })
  })
}

/** Counts a request of a model. -> ends that, and calls `left`; safe to call twice */
function enter(one: Resident, left: () => void): () => void {
  one.users++
  one.usedAt = performance.now()
  let isIn = true
  return () => {
    if (!isIn) return
    isIn = false
    one.users--
    one.usedAt = performance.now()
    left()
  }
}

function createUnloads(residents: () => Resident[]) {
  const closing = new Set<Promise<void>>()
  const unload = async (one: Resident): Promise<void> => {
    const closed = one.unload().catch(() => {})
    closing.add(closed)
    await closed
    closing.delete(closed)
  }
  /** Unloads the model that was not used for longest, of those that answer nobody. -> whether there was one */
  const makeRoom = async (wanted: Resident): Promise<boolean> => {
    const idle = residents().filter((one) => one !== wanted && one.canUnload && one.users === 0)
    const [oldest] = idle.sort((one, other) => one.usedAt - other.usedAt)
    if (oldest) await unload(oldest)
    return oldest !== undefined
  }
  /** Waits for models that are being closed. -> whether there was one */
  const closed = async (): Promise<boolean> => (await Promise.all(closing)).length > 0
  return { closed, unload, makeRoom }
}

type Unloads = ReturnType<typeof createUnloads>

/**
 * A request may lack what an idle model has. Where two requests each lack what the other's model has, the one that came
 * later waits until its model is loaded again.
 */
async function giveWay(
  residents: Resident[],
  { makeRoom, unload }: Pick<Unloads, 'makeRoom' | 'unload'>,
): Promise<void> {
  if (residents.filter(({ home }) => home).length < 2) return
  for (const one of residents) {
    if (!one.lacks || (await makeRoom(one)) || !one.isStuck) continue
    const stuck = residents.filter((other) => other !== one && other.canUnload && other.isStuck)
    const [latest] = stuck.sort((a, b) => b.usedAt - a.usedAt)
    if (latest && latest.usedAt >= one.usedAt) await unload(latest)
  }
}

/** Does nothing while it still runs. */
function once(work: () => Promise<void>): () => void {
  let isRunning = false
  return () => {
    if (isRunning) return
    isRunning = true
    void work().finally(() => {
      isRunning = false
    })
  }
}

/** Claude Code would shorten its conversation for the status of `not_enough_memory`, which does not help here. */
function cannotLoad(name: string, error: unknown): unknown {
  if (error instanceof TetherError && ['closed', 'cancelled'].includes(error.code)) return error
  const why = messageOf(error)
  return new TetherError('bad_config', `the model ${name} cannot be loaded: ${why}`, { cause: error })
}

/** Throws `cancelled` as soon as the signal fires. */
async function unlessLeft<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let leave = () => {}
  const left = new Promise<never>((_, reject) => {
    leave = () => reject(new TetherError('cancelled', 'the client left'))
  })
  if (signal.aborted) leave()
  signal.addEventListener('abort', leave, { once: true })
  try {
    return await Promise.race([work, left])
  } finally {
    signal.removeEventListener('abort', leave)
  }
}
