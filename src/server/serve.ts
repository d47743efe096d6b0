/** A model behind a port: Anthropic's Messages API, and OpenAI's, over HTTP. */

import { TetherError } from '../errors.js'
import { type Limits, limitsOf } from '../limits.js'
import type { LoadedModel, ModelInfo } from '../model/types.js'
import { createActivity } from './activity.js'
import type { AboutBody } from './answer.js'
import { createApp } from './app.js'
import { createEdge, isLoopback } from './edge.js'
import { createKeys } from './keys.js'
import { listen, type TlsOptions } from './listen.js'
import type { LogLine } from './log.js'
import { createMetrics } from './metrics.js'
import { createHouse } from './model-house.js'
import { type ModelReport, modelReports } from './model-report.js'
import { checkOverflow, type OnOverflow } from './overflow.js'
import type { ServedModel } from './resident.js'

export type { Limits } from '../limits.js'
export type { AboutBody } from './answer.js'
export type { TlsOptions } from './listen.js'
export type { LogLine } from './log.js'
export type { ModelReport } from './model-report.js'
export type { OnOverflow } from './overflow.js'
export type { LoadHow, ServedModel } from './resident.js'

/** Each limit has a default: the table is in docs/configuration.md. */
export interface ServeOptions extends Partial<Limits> {
  /** Default: 127.0.0.1, which only this machine can reach. */
  host?: string
  /** Default: 8080; 0 takes any free one. */
  port?: number
  /** Required of every request but /health, as a Bearer token or x-api-key. Unset: no key is required. */
  apiKey?: string
  /**
   * While it says true, a client with a wrong key is told to try again: its key may yet come, by `setKeys`. For a server in the
   * place of another one, whose clients would give up.
   */
  keysComing?: () => boolean
  /** More keys, by names that the log has. */
  apiKeys?: Record<string, string>
  /** Listen on an address of other machines without any key. Default: that is `bad_config`. */
  insecureNoKey?: boolean
  /** The certificate and key of an https server, as PEM. Default: plain HTTP. */
  tls?: TlsOptions
  /** Host names that are answered besides this machine's own. On a loopback address the others are refused. */
  allowedHosts?: readonly string[]
  /** Origins whose web pages may send requests, such as `https://app.example`. Default: none but the server's own. */
  allowedOrigins?: readonly string[]
  /** Called once for every request, when it is over. */
  onLog?: (line: LogLine) => void
  /**
   * Called with the body of every request for an answer, before the engine is asked. The body is empty where its client left,
   * or the time was over, while another thread had it.
   */
  onBody?: (body: Uint8Array, about: AboutBody) => void
  /** Silence in a stream, in milliseconds, after which a ping is sent. Default: 10 s. */
  pingMs?: number
  /**
   * What happens to a prompt that does not fit the window. `error`: 400 `prompt is too long: …`. `truncate`: the oldest
   * turns are dropped, which a header and the log line say. Default, `auto`: the error for Claude Code, which then
   * compacts the conversation, and `truncate` for other clients.
   */
  onOverflow?: OnOverflow
  /** How much of the model is loaded, 0…1; for the answers while it loads. */
  progress?: () => number
  /**
   * More models, which requests may name: each is loaded when one does. Other names mean the first model. What all of them
   * take stays within `memoryCap`: a model that answers nobody is unloaded when another needs its memory. The first model
   * is, too, where one of these has its name; it is then closed and loaded by the server like the others.
   */
  models?: readonly ServedModel[]
  /** The name of one of `models`, for requests that name a small model of Anthropic's (haiku). Default: the first model. */
  smallModel?: string
}

export interface Server {
  readonly url: string
  readonly port: number
  /** Another certificate and key, for new connections. Throws `bad_config`, and on a server without TLS. */
  setTls(tls: TlsOptions): void
  /**
   * Other keys in the place of those that it was started with, by their names, from the next request on. A server that was
   * started without any lets in every client still, and names those that have one. Throws `bad_config`.
   */
  setKeys(keys: Readonly<Record<string, string>>): void
  /** The models that there are, the first one first, and what each does. */
  models(): ModelReport[]
  /**
   * Loads the model that requests mean by this name, as they do. -> its description. Throws why it cannot be loaded, and
   * `cancelled` once the signal fires.
   */
  load(name: string, signal?: AbortSignal): Promise<ModelInfo>
  /** How many requests for an answer are under way, from their first byte: also those whose model is being loaded. */
  requests(): number
  /** Stops listening, ends the requests that run, and closes what `models` loaded. The first model stays loaded. Safe to call twice. */
  close(): Promise<void>
}

/**
 * Listens at once, also while the model is still loading: requests then get 529 or 503, as their protocol has it, and the progress.
 * Throws `port_in_use`, or `bad_config` for an option with a wrong value.
 */
export async function serve(model: LoadedModel | Promise<LoadedModel>, options: ServeOptions = {}): Promise<Server> {
  const { host = '127.0.0.1', port = 8080, tls, onLog, pingMs = 10_000, progress } = options
  const limits = limitsOf(options)
  const onOverflow = checkOverflow(options.onOverflow)
  const keys = createKeys(keysOf(options), options.keysComing)
  const loopback = isLoopback(host)
  if (!keys.required && !loopback && !options.insecureNoKey) throw new TetherError('bad_config', noKey(host))
  const { allowedHosts = [], allowedOrigins = [] } = options
  const edge = createEdge({ loopback, allowedHosts, allowedOrigins })
  const house = createHouse({ first: model, progress, models: options.models, smallModel: options.smallModel })
  const counted = createMetrics()
  const activity = createActivity(house)
  const app = createApp({
    house,
    keys,
    edge,
    pingMs,
    limits,
    onOverflow,
    onBody: options.onBody,
    counted,
    activity,
  })
  const note = (line: LogLine) => {
    counted.observe(line)
    activity.ended(line)
    onLog?.(line)
  }
  const stop = () => {
    activity.close()
    house.stop()
  }
  const listener = await listen(app, { host, port, tls, limits, onLog: note }).catch((error: unknown) => {
    stop()
    throw error
  })
  const url = `http${tls ? 's' : ''}://${address(host)}:${listener.port}`
  const close = async () => {
    stop()
    await listener.close()
    await house.close()
  }
  const load = async (name: string, signal = new AbortController().signal) => {
    const { model: loaded, giveBack } = await house.use(name, signal)
    giveBack()
    return loaded.info
  }
  const requests = activity.count
  return { url, ...listener, setKeys: keys.set, models: () => modelReports(house), load, requests, close }
}

function keysOf({ apiKey, apiKeys }: ServeOptions): Record<string, string> {
  return { ...(apiKey === undefined ? {} : { default: apiKey }), ...apiKeys }
}

function noKey(host: string): string {
  return `${host} can be reached from other machines, and without a key everyone there could use the model. Set a key (apiKey), or insecureNoKey if that is meant.`
}

/** What a client on this machine connects to. */
function address(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
