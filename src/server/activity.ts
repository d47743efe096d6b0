/** What the server does now and did in the last minutes: the requests under way, speeds, memory, the last errors. */
import type { EngineStats, Running } from '../engine/types.js'
import { json } from './body.js'
import type { ModelHouse } from './house-types.js'
import { type LoadState, seenModel } from './loading.js'
import type { LogLine } from './log.js'
import { type ModelReport, modelReports, sumOfStats } from './model-report.js'

/** Counts in tokens, sizes in bytes. Texts of clients have no control characters, and are cut. */
export interface ActivityReport {
  state: 'loading' | 'failed' | 'ready'
  /** 0…1, while it loads. */
  progress?: number
  /** Why there is no model. */
  message?: string
  /** The first one. Memory and counts are those of all. */
  model?: { name: string; family: string; quantization: string; device: string; window: number }
  /** Each of several models. Unset: there is one. */
  models?: ModelReport[]
  /** Since the server began to listen. */
  uptimeSeconds: number
  /** In order of arrival. */
  requests: LiveRequest[]
  memory?: {
    weights: number
    kv: number
    prefix: number
    scratch: number
    freed: number
    reserved: number
    cap: number
  }
  cache?: { memoryBytes: number; diskBytes: number; diskCap: number; hitTokens: EngineStats['cache']['hitTokens'] }
  /** Since the model was loaded. */
  totals?: { requests: number; promptTokens: number; cachedTokens: number; outputTokens: number }
  speed: SpeedReport
  /** The last ones, the newest first. */
  errors: ErrorReport[]
}

export interface LiveRequest {
  id: number
  path: string
  /** What the client calls itself, its session, and the name of its key. */
  client: string
  session?: string
  key?: string
  /** `loading`: its model is being loaded; `preparing`: its prompt is not known yet; `waiting`: for the engine. */
  state: 'loading' | 'preparing' | 'waiting' | 'reading' | 'writing'
  promptTokens: number
  readTokens: number
  cachedTokens: number
  outputTokens: number
  seconds: number
}

/** Tokens per second over each step, the oldest first; all requests together. */
export interface SpeedReport {
  stepSeconds: number
  /** Tokens of prompts that were computed. */
  read: number[]
  /** Tokens that were generated. */
  written: number[]
}

export interface ErrorReport {
  /** ISO 8601. */
  at: string
  path: string
  status: number
  client: string
  message: string
}

export interface Activity {
  /** Counts a request for an answer as under way until its line is over. -> the number by which the engine knows it */
  begin(line: LogLine): number
  /** A request of any kind is over. */
  ended(line: LogLine): void
  /** How many are under way. */
  count(): number
  report(): ActivityReport
  close(): void
}

/** Servers may share a model, so no two of a process give out the same number. */
let last = 0

const STEP_MS = 2000
/** Five minutes. */
const STEPS = 150
const ERRORS = 20
const LONGEST_CLIENT = 120
const LONGEST_MESSAGE = 400

/** Takes the speed every two seconds until it is closed. */
export function createActivity(house: ModelHouse): Activity {
  const started = performance.now()
  const live = new Map<LogLine, { id: number; since: number }>()
  const errors: ErrorReport[] = []
  const speed = speedMeter(() => (house.first().state === 'loading' ? undefined : house.counted()))
  return {
    begin(line) {
      last++
      live.set(line, { id: last, since: performance.now() })
      return last
    },
    ended(line) {
      live.delete(line)
      if (!isError(line)) return
      errors.unshift(errorReport(line))
      errors.length = Math.min(errors.length, ERRORS)
    },
    count: () => live.size,
    report() {
      const state = house.first()
      const stats = sumOfStats(house)
      const models = house.isOne ? undefined : modelReports(house)
      return {
        ...stateReport(state),
        models,
        uptimeSeconds: (performance.now() - started) / 1000,
        requests: [...live].map(([line, { id, since }]) =>
          liveRequest(line, { id, since, running: stats?.running, models }),
        ),
        ...(stats ? engineReport(stats, capOf(house)) : {}),
        speed: speed.report(),
        errors,
      }
    },
    close: speed.close,
  }
}

export function activity(all: Activity): Response {
  const response = json(all.report())
  response.headers.set('cache-control', 'no-store')
  return response
}

/** All of them have the cap of the process. */
function capOf(house: ModelHouse): number {
  return Math.max(...house.all().map(({ state }) => (state.state === 'ready' ? state.model.info.memory.cap : 0)))
}

function stateReport(load: LoadState): Pick<ActivityReport, 'state' | 'progress' | 'message' | 'model'> {
  if (load.state === 'failed') return { state: 'failed', message: load.message }
  if (load.state === 'loading') return { state: 'loading', progress: load.progress, message: load.message }
  const { name, family, quantization, device, window } = seenModel(load).info
  return { state: 'ready', model: { name: shown(name, LONGEST_CLIENT), family, quantization, device, window } }
}

function engineReport(stats: EngineStats, cap: number): Pick<ActivityReport, 'memory' | 'cache' | 'totals'> {
  const { weights, kv, prefix, scratch, cache: freed, reserved } = stats.memory
  const { memoryBytes, diskBytes, diskCap, hitTokens } = stats.cache
  const { requests, promptTokens, cachedTokens, outputTokens } = stats
  return {
    memory: { weights, kv, prefix, scratch, freed, reserved, cap },
    cache: { memoryBytes, diskBytes, diskCap, hitTokens },
    totals: { requests, promptTokens, cachedTokens, outputTokens },
  }
}

interface Under {
  id: number
  since: number
  running?: Running[]
  models?: ModelReport[]
}

function liveRequest(line: LogLine, { id, since, running = [], models }: Under): LiveRequest {
  const now = running.find(({ label }) => label === id)
  const { inputTokens: promptTokens = 0 } = line
  // A thought that reaches its budget is closed by a second generation, whose prompt has what the first one wrote.
  const outputTokens = now ? Math.max(0, now.promptTokens - promptTokens) + now.outputTokens : 0
  const isLoading = models?.some(({ name, state }) => name === line.answeredBy && state === 'loading')
  const isReading = now !== undefined && outputTokens === 0
  return {
    id,
    path: line.path,
    client: shown(line.client ?? '', LONGEST_CLIENT),
    session: line.session,
    key: line.key,
    state:
      line.inputTokens === undefined
        ? isLoading
          ? 'loading'
          : 'preparing'
        : !now
          ? 'waiting'
          : isReading
            ? 'reading'
            : 'writing',
    promptTokens,
    readTokens: now ? Math.min(now.readTokens, promptTokens) : 0,
    cachedTokens: now?.cachedTokens ?? 0,
    outputTokens,
    seconds: (performance.now() - since) / 1000,
  }
}

/** Clients that left are none, and a path that nobody serves is the client's own business. */
function isError({ status, error, path }: LogLine): boolean {
  if (error === undefined || status === 499) return false
  return status >= 500 || path.startsWith('/v1/')
}

function errorReport({ path, status, client = '', error = '' }: LogLine): ErrorReport {
  return {
    at: new Date().toISOString(),
    path: shown(path, LONGEST_CLIENT),
    status,
    client: shown(client, LONGEST_CLIENT),
    message: shown(error, LONGEST_MESSAGE),
  }
}

/** Without what could reorder or hide text. */
function shown(text: string, most: number): string {
  const clean = text.replace(/\p{C}+/gu, ' ').trim()
  return clean.length > most ? `${clean.slice(0, most - 1)}…` : clean
}

/** A step begins once there is a model. */
function speedMeter(counted: () => { computed: number; generated: number } | undefined) {
  const read: number[] = []
  const written: number[] = []
  let before: { computed: number; generated: number; at: number } | undefined
  const sample = () => {
    const now = counted()
    if (!now) return
    const { computed, generated } = now
    const at = performance.now()
    if (before) {
      const seconds = (at - before.at) / 1000
      add(read, (computed - before.computed) / seconds)
      add(written, (generated - before.generated) / seconds)
    }
    before = { computed, generated, at }
  }
  const timer = setInterval(sample, STEP_MS).unref()
  return {
    report: (): SpeedReport => ({ stepSeconds: STEP_MS / 1000, read, written }),
    close: () => clearInterval(timer),
  }
}

function add(rates: number[], rate: number): void {
  rates.push(Math.round(rate * 10) / 10)
  if (rates.length > STEPS) rates.shift()
}
