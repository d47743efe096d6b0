/**
 * The other thread, on which requests become token ids that might take long, one after another: large ones, and all of a
 * checkpoint with a template or patterns of its own. In that time this thread could answer nobody.
 */
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { type ErrorCode, TetherError } from '../errors.js'
import type { LoadedModel } from '../model/types.js'
import { fromPosted, isPosted, type PostedTurn } from '../turn/posted-turn.js'
import type { PrepareOptions } from '../turn/prepare-turn.js'
import type { Beside, ProtocolName } from '../turn/protocol.js'
import type { ReadOptions } from '../turn/request-fields.js'
import type { TurnMemory } from '../turn/turn-memory.js'
import type { CountedTurn, PreparedTurn } from '../turn/types.js'
import type { Blocks } from './blocks.js'
import { closing } from './closing.js'

/** What the other thread does with a body. Plain data. */
export interface Task {
  protocol: ProtocolName
  /** Only Anthropic's clients count. */
  kind: 'prepare' | 'count' | 'check'
  options: PrepareOptions & ReadOptions & { beside?: Beside }
}

/** By the task's kind; of a check there is none. */
export type Result = PostedTurn | CountedTurn | undefined

/** The blocks of a body are handed over there and back. */
export type Outcome = ({ result: Result } | Failed) & { body: Uint8Array[] }
/** `opened`: it has read its files, or cannot. */
export type FromWorker = Outcome | 'opened'
export type ToWorker = (Task & { body: Uint8Array[] }) | { remember: Parameters<TurnMemory['remember']>[0] }

interface Failed {
  fault: { code: ErrorCode; message: string; field?: string }
}

export interface Preparing {
  /** Whether a body of so many bytes is for the other thread. */
  isFor(bytes: number): boolean
  /**
   * The body's blocks are away meanwhile, and lost if it takes longer than a minute. Throws what the task throws,
   * `cancelled` as soon as the signal fires, or `invalid_request` if it takes longer than a minute. A task that has begun
   * is not interrupted.
   */
  run(task: Task, body: Blocks, signal?: AbortSignal): Promise<PreparedTurn | CountedTurn | undefined>
  close(): void
}

/**
 * Bytes of a body from which on it is read on the other thread. Here 64 KiB take from 1 to 100 ms, by what they are made of
 * (turns take longest), and the way to the other thread and back takes less than one.
 */
const LARGE = 1024
/** From here on small ones do not wait for more than one. */
const LONG = 256 * 1024
const MOST_MS = 60_000
/** For its files, of a thread that is to end. */
const OPENING_MS = 10_000
const entry = new URL('./prepare-worker.js', import.meta.url)

interface Waiting {
  task: Task
  body: Blocks
  done: (outcome: Outcome | Failed) => void
}

/** undefined for a model that was not loaded from a checkpoint: its requests are all prepared here. */
export function createPreparing({ turns }: LoadedModel): Preparing | undefined {
  const { source } = turns
  // Run from its sources, as by the tests, there is no compiled thread to start.
  if (!source || !existsSync(entry)) return undefined
  const waiting = fairQueue()
  let thread: Thread | undefined
  let running: Waiting | undefined
  let isClosed = false
  let timer: NodeJS.Timeout | undefined

  const forget = turns.memory.onRemember?.((turn) => thread?.worker.postMessage({ remember: turn } satisfies ToWorker))
  const stop = () => {
    if (thread) void endOnceOpened(thread)
    thread = undefined
  }
  const settle = (outcome: Outcome | Failed) => {
    clearTimeout(timer)
    const ended = running
    running = undefined
    if ('body' in outcome) ended?.body.giveBack(outcome.body)
    ended?.done(outcome)
    next()
  }
  const start = () => {
    const started = startThread(source)
    started.worker.on('message', (message: FromWorker) => {
      if (thread === started && message !== 'opened') settle(message)
    })
    started.worker.on('error', (error) => {
      if (thread !== started) return
      stop()
      settle({ fault: { code: 'internal', message: `preparing the request failed: ${error.message}` } })
    })
    return started
  }
  const next = () => {
    if (running) return
    running = waiting.shift()
    if (!running) return
    thread ??= start()
    const body = running.body.take()
    const moved = body.map(({ buffer }) => buffer as ArrayBuffer)
    thread.worker.postMessage({ ...running.task, body } satisfies ToWorker, moved)
    timer = setTimeout(() => {
      stop()
      const seconds = MOST_MS / 1000
      settle({ fault: { code: 'invalid_request', message: `the request took longer than ${seconds} s to read` } })
    }, MOST_MS)
    timer.unref()
  }
  thread = start()

  return {
    isFor: (bytes) => !turns.isQuick || bytes > LARGE,
    run: (task, body, signal) =>
      new Promise((resolve, reject) => {
        if (isClosed) return reject(closing())
        const done: Waiting['done'] = (outcome) => {
          // Node keeps a joined signal, and all that its listeners hold, until they are removed.
          signal?.removeEventListener('abort', leave)
          if ('result' in outcome) resolve(isPosted(outcome.result) ? fromPosted(outcome.result) : outcome.result)
          else reject(toError(outcome))
        }
        const one: Waiting = { task, body, done }
        const leave = () => drop(waiting, one)
        if (signal?.aborted) return leave()
        signal?.addEventListener('abort', leave, { once: true })
        waiting.push(one)
        next()
      }),
    close() {
      isClosed = true
      forget?.()
      stop()
      const closed: Failed = { fault: closing() }
      for (let one = waiting.shift(); one; one = waiting.shift()) one.done(closed)
      settle(closed)
    },
  }
}

interface Thread {
  worker: Worker
  /** Once it has read its files, or has ended. */
  opened: Promise<unknown>
}

function startThread(workerData: unknown): Thread {
  // Without the flags of this process: one of `node -e` would keep it from starting.
  const worker = new Worker(entry, { workerData, execArgv: [] })
  worker.unref()
  const opened = new Promise((resolve) => worker.once('message', resolve).once('exit', resolve))
  return { worker, opened }
}

/** Node never closes the files that a thread was reading when it was ended. */
async function endOnceOpened({ worker, opened }: Thread): Promise<void> {
  await Promise.race([opened, sleep(OPENING_MS, undefined, { ref: false })])
  await worker.terminate()
}

/** Large and small requests by turns, so that a small one waits for one large one at most. */
function fairQueue() {
  const large: Waiting[] = []
  const small: Waiting[] = []
  let next = small
  return {
    push: (one: Waiting) => void (one.body.length > LONG ? large : small).push(one),
    remove(one: Waiting): void {
      for (const some of [large, small]) {
        const place = some.indexOf(one)
        if (place >= 0) some.splice(place, 1)
      }
    },
    shift(): Waiting | undefined {
      const taken = next.length > 0 ? next : next === small ? large : small
      next = taken === small ? large : small
      return taken.shift()
    },
  }
}

/** A task whose client has left; it may be running already. */
function drop(waiting: ReturnType<typeof fairQueue>, one: Waiting): void {
  waiting.remove(one)
  one.done({ fault: { code: 'cancelled', message: 'the client left' } })
}

function toError({ fault: { code, message, field } }: Failed): TetherError {
  return new TetherError(code, message, { field })
}
