/** Requests to the hub: follows redirects, retries after faults that may pass, and waits when the hub is busy. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from 'undici'
import { TetherError } from '../../errors.js'
import { type Hub, publicHub } from './hub.js'
import { type HubResponse, responseError } from './hub-errors.js'
import { HubFault, toHubFault } from './hub-fault.js'
import { proxyOf } from './proxy.js'
import { redirectTarget } from './redirect.js'

export interface HubClientOptions {
  hub: Hub
  /** The repository, ORG/NAME. */
  name: string
  /** Connections to one host at once. */
  connections: number
  signal: AbortSignal
  /** The first wait after a fault; it doubles. */
  backoffMs: number
  /** How long a connection may be silent. */
  idleMs: number
  /** Told what went wrong, and which try comes when. */
  retrying: (why: string, next: string) => void
}

/** A range of bytes. */
export interface Span {
  start: number
  /** Exclusive. */
  end: number
}

/** Takes the bytes of a span in order; `at` is where they belong in the file. */
export type OnBytes = (bytes: Buffer, at: number) => Promise<void>

/** `what` names the thing asked for, in messages. */
export interface HubClient {
  json(url: string, what: string): Promise<unknown>
  /**
   * Reads a span of a file, continuing where it was after a dropped connection.
   * -> false if the server cannot send spans that begin in the middle; then `onBytes` got nothing from this try
   */
  read(url: string, what: string, span: Span, onBytes: OnBytes): Promise<boolean>
  close(): Promise<void>
}

/** Tries in a row without a byte, after which the client gives up: before the hub has answered once, and after. */
const maxTries = { before: 5, after: 8 }
/** How long a connection, and the answer to a small request, may take. */
const maxAnswerMs = 10_000
const maxWaitMs = 30_000
const maxRedirects = 5
/** The list of a repository of thousands of files is below a megabyte. */
const maxJsonBytes = 16 * 2 ** 20
const maxJsonMs = 120_000

/** Bytes that are collected for one call of `onBytes`: few enough to lose, enough to make writes rare. */
const handOnBytes = 1 << 20

interface Connection extends HubClientOptions {
  dispatcher: Dispatcher
  /** Whether the hub has answered once. */
  reached: boolean
}

export function openHubClient(options: HubClientOptions): HubClient {
  const connection: Connection = { ...options, dispatcher: openDispatcher(options), reached: false }
  return {
    json: (url, what) => retry(connection, () => readJson(connection, url, what)),
    read(url, what, span, onBytes) {
      const reader = spanReader(connection, { url, what, span, onBytes })
      return retry(connection, reader.read, reader.position)
    },
    close: () => connection.dispatcher.destroy(),
  }
}

function openDispatcher({ connections, idleMs }: HubClientOptions): Dispatcher {
  const connect = { timeout: Math.min(idleMs, maxAnswerMs) }
  const settings = { connections, headersTimeout: idleMs, bodyTimeout: idleMs, connect }
  const httpProxy = proxyOf('http:')?.address
  const httpsProxy = proxyOf('https:')?.address
  return httpsProxy ? new EnvHttpProxyAgent({ ...settings, httpProxy, httpsProxy }) : new Agent(settings)
}

/**
 * Calls until a call succeeds or fails for good. `position` grows while calls make progress, which resets the count of
 * tries.
 */
async function retry<T>(connection: Connection, call: () => Promise<T>, position: () => number = () => 0): Promise<T> {
  let failures = 0
  let had = position()
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (connection.signal.aborted || !(error instanceof HubFault)) throw error
      failures = position() > had ? 1 : failures + 1
      had = position()
      const tries = connection.reached ? maxTries.after : maxTries.before
      const isLasting = error.retry === 'never' || (error.retry === 'once reached' && !connection.reached)
      if (isLasting || failures >= tries) throw new TetherError('download_failed', error.message, { cause: error })
      await waitBeforeRetry(connection, error, `${failures + 1} of ${tries}`, failures)
    }
  }
}

async function waitBeforeRetry(connection: Connection, fault: HubFault, next: string, failures: number): Promise<void> {
  const { signal, backoffMs, retrying } = connection
  const backoff = Math.min(maxWaitMs, backoffMs * 2 ** (failures - 1)) * (0.75 + Math.random() / 2)
  const waitMs = fault.retryAfterMs ?? backoff
  const when = waitMs > 2000 ? ` in ${Math.ceil(waitMs / 1000)} s` : ''
  retrying(fault.what, `trying again${when} (${next})`)
  await sleep(waitMs, undefined, { signal })
}

interface Answer {
  response: HubResponse
  /** Where the last redirect led. */
  url: URL
}

/** -> a response that is neither a redirect nor an error. Sends the token only to the hub, not where it redirects to. */
async function send(
  connection: Connection,
  url: string,
  what: string,
  { headers, headersTimeout }: { headers: Record<string, string>; headersTimeout?: number },
): Promise<Answer> {
  const { hub, name, dispatcher, signal } = connection
  const hubOrigin = new URL(hub.endpoint).origin
  let next = new URL(url)
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const own = next.origin === hubOrigin && hub.token ? { authorization: `Bearer ${hub.token}` } : {}
    const ask = request(next, { dispatcher, signal, headersTimeout, headers: { ...headers, ...own } })
    const response = await ask.catch((error: unknown) => {
      throw signal.aborted ? error : toHubFault(error, next, hub)
    })
    if (response.statusCode < 400) connection.reached = true
    if (response.statusCode < 300) return { response, url: next }
    const { location } = response.headers
    await discard(response)
    if (response.statusCode >= 400) throw responseError(response, { hub, name, url: next, what })
    next = redirectTarget(location, next, what, hub)
  }
  throw new TetherError('download_failed', `${what}: ${next.host} redirects in circles. Check HF_ENDPOINT.`)
}

async function readJson(connection: Connection, url: string, what: string): Promise<unknown> {
  const headersTimeout = Math.min(connection.idleMs, maxAnswerMs)
  const answer = await send(connection, url, what, { headers: { accept: 'application/json' }, headersTimeout })
  const text = await readText(answer.response, what).catch((error: unknown) => {
    throw connection.signal.aborted ? error : toHubFault(error, answer.url, connection.hub)
  })
  try {
    return JSON.parse(text)
  } catch {
    throw new TetherError('download_failed', notTheHub(answer.url, connection.hub))
  }
}

/** A body that may be read whole. One that goes on and on is an error: the connection is closed. */
async function readText({ body }: HubResponse, what: string): Promise<string> {
  const started = performance.now()
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of body) {
    pieces.push(piece as Buffer)
    bytes += (piece as Buffer).length
    const reached = bytes > maxJsonBytes ? '16 MB' : performance.now() - started > maxJsonMs ? '2 minutes' : undefined
    if (reached) throw new TetherError('download_failed', `${what}: the hub's answer did not end within ${reached}.`)
  }
  return Buffer.concat(pieces).toString()
}

/** For an answer that is a web page: of another server, or of a network that wants a sign-in first. */
function notTheHub({ host }: URL, { endpoint }: Hub): string {
  const text = `${host} did not answer as the hub does.`
  if (endpoint !== publicHub) return `${text} Check HF_ENDPOINT.`
  return `${text} If this network asks for a sign-in, open a web page and sign in, then run the command again.`
}

interface SpanRequest {
  url: string
  what: string
  span: Span
  onBytes: OnBytes
}

/** Reads one span. Each `read` starts where the one before stopped; `position` is the next byte. */
function spanReader(connection: Connection, { url, what, span, onBytes }: SpanRequest) {
  let at = span.start
  const read = async (): Promise<boolean> => {
    if (at === span.end) return true
    const headers = { range: `bytes=${at}-${span.end - 1}`, 'accept-encoding': 'identity' }
    const { response, url: from } = await send(connection, url, what, { headers })
    if (response.statusCode !== 206 && at > 0) {
      await discard(response)
      return false
    }
    checkRange(response, at, what)
    const fault = (error: unknown) => toHubFault(error, from, connection.hub)
    for await (const bytes of inBlocks(response, span.end - at, fault)) {
      await onBytes(bytes, at)
      at += bytes.length
    }
    if (at < span.end) throw fault(Object.assign(new Error('the connection ended early'), { code: 'ECONNRESET' }))
    return true
  }
  return { read, position: () => at }
}

/**
 * The first `count` bytes of a body, in blocks that are worth writing. A server without spans sends the whole file: the
 * rest of it is not read. If the connection breaks, what arrived before is the last block, and the error follows it.
 */
async function* inBlocks(
  { body }: HubResponse,
  count: number,
  toFault: (error: unknown) => Error,
): AsyncGenerator<Buffer> {
  let held: Buffer[] = []
  let heldBytes = 0
  let left = count
  let fault: unknown
  try {
    for await (const chunk of body) {
      const bytes = (chunk as Buffer).subarray(0, left)
      held.push(bytes)
      heldBytes += bytes.length
      left -= bytes.length
      if (heldBytes < handOnBytes && left > 0) continue
      yield Buffer.concat(held)
      held = []
      heldBytes = 0
      // Only after the write: by then the response has usually ended, and its connection can be used again.
      if (left === 0) break
    }
  } catch (error) {
    fault = error
  }
  if (heldBytes > 0) yield Buffer.concat(held)
  if (fault) throw toFault(fault)
}

function checkRange({ statusCode, headers }: HubResponse, at: number, what: string): void {
  const start = /^bytes (\d+)-/.exec(String(headers['content-range']))?.[1]
  if (statusCode === 206 && Number(start) !== at) {
    throw new TetherError(
      'download_failed',
      `${what}: asked for bytes from ${at}, got them from ${start}. Try again later.`,
    )
  }
}

/** Reads what is left of a short body, so that the connection can be used again. */
async function discard({ body }: HubResponse): Promise<void> {
  await body.dump({ limit: 65_536 }).catch(() => {})
}
