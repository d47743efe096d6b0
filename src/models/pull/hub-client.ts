/** Requests to the hub: follows redirects, retries after faults that may pass, and waits when the hub is busy. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from 'undici'
import { TetherError } from '../../errors.js'
import type { Hub } from './hub.js'
import { gaveUp, HubBusy, type HubResponse, isRetryable, RetryableError, responseError } from './hub-errors.js'

export interface HubClientOptions {
  hub: Hub
  /** Connections to one host at once. */
  connections: number
  signal: AbortSignal
  /** The first wait after a fault; it doubles. */
  backoffMs: number
  /** How long a connection may be silent. */
  idleMs: number
  /** Told why the client waits. */
  say: (line: string) => void
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

/** Tries in a row without a byte, after which the client gives up. */
const maxTries = 6
const maxWaitMs = 30_000
const maxRedirects = 5

/** Bytes that are collected for one call of `onBytes`: few enough to lose, enough to make writes rare. */
const handOnBytes = 1 << 20

interface Connection extends HubClientOptions {
  dispatcher: Dispatcher
}

export function openHubClient(options: HubClientOptions): HubClient {
  const connection = { ...options, dispatcher: openDispatcher(options) }
  return {
    json: (url, what) => retry(connection, what, () => readJson(connection, url, what)),
    read(url, what, span, onBytes) {
      const reader = spanReader(connection, { url, what, span, onBytes })
      return retry(connection, what, reader.read, reader.position)
    },
    close: () => connection.dispatcher.destroy(),
  }
}

function openDispatcher({ connections, idleMs }: HubClientOptions): Dispatcher {
  const settings = { connections, headersTimeout: idleMs, bodyTimeout: idleMs, connect: { timeout: idleMs } }
  const proxied = ['http_proxy', 'https_proxy'].some((name) => process.env[name] || process.env[name.toUpperCase()])
  return proxied ? new EnvHttpProxyAgent(settings) : new Agent(settings)
}

/**
 * Calls until a call succeeds or fails for good. `position` grows while calls make progress, which resets the count of
 * tries.
 */
async function retry<T>(
  connection: Connection,
  what: string,
  call: () => Promise<T>,
  position: () => number = () => 0,
): Promise<T> {
  let failures = 0
  let had = position()
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (connection.signal.aborted || !isRetryable(error)) throw error
      failures = position() > had ? 1 : failures + 1
      had = position()
      if (failures >= maxTries) throw gaveUp(what, error, connection.hub)
      await waitBeforeRetry(connection, error, failures)
    }
  }
}

async function waitBeforeRetry(connection: Connection, error: unknown, failures: number): Promise<void> {
  const { signal, backoffMs, say } = connection
  const asked = error instanceof HubBusy ? error.retryAfterMs : undefined
  if (asked !== undefined && asked > 2000) say(`the hub is busy; continuing in ${Math.ceil(asked / 1000)} s`)
  const backoff = Math.min(maxWaitMs, backoffMs * 2 ** (failures - 1))
  await sleep(asked ?? backoff * (0.75 + Math.random() / 2), undefined, { signal })
}

/** -> a response that is neither a redirect nor an error. Sends the token only to the hub, not where it redirects to. */
async function send(
  { hub, dispatcher, signal }: Connection,
  url: string,
  what: string,
  headers: Record<string, string>,
): Promise<HubResponse> {
  const hubOrigin = new URL(hub.endpoint).origin
  let next = new URL(url)
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const own = next.origin === hubOrigin && hub.token ? { authorization: `Bearer ${hub.token}` } : {}
    const response = await request(next, { dispatcher, signal, headers: { ...headers, ...own } })
    if (response.statusCode < 300) return response
    const { location } = response.headers
    await discard(response)
    if (response.statusCode >= 400) throw responseError(response, what, hub)
    if (typeof location !== 'string') {
      throw new TetherError('download_failed', `${what}: the hub redirects without saying where; try later`)
    }
    const target = new URL(location, next)
    if (next.protocol === 'https:' && target.protocol !== 'https:') {
      throw new TetherError('download_failed', `${what}: the hub redirects to ${target.origin}, which is not encrypted`)
    }
    next = target
  }
  throw new TetherError('download_failed', `${what}: the hub redirects in circles; check HF_ENDPOINT`)
}

async function readJson(connection: Connection, url: string, what: string): Promise<unknown> {
  const { body } = await send(connection, url, what, { accept: 'application/json' })
  const text = await body.text()
  try {
    return JSON.parse(text)
  } catch {
    const { endpoint } = connection.hub
    throw new TetherError('download_failed', `${endpoint} did not answer as the hub does; check HF_ENDPOINT`)
  }
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
    const response = await send(connection, url, what, headers)
    if (response.statusCode !== 206 && at > 0) {
      await discard(response)
      return false
    }
    checkRange(response, at, what)
    for await (const bytes of inBlocks(response, span.end - at)) {
      await onBytes(bytes, at)
      at += bytes.length
    }
    if (at < span.end) throw new RetryableError(`the connection ended at byte ${at} of ${span.end}`)
    return true
  }
  return { read, position: () => at }
}

/**
 * The first `count` bytes of a body, in blocks that are worth writing. A server without spans sends the whole file: the
 * rest of it is not read. If the connection breaks, what arrived before is the last block, and the error follows it.
 */
async function* inBlocks({ body }: HubResponse, count: number): AsyncGenerator<Buffer> {
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
  if (fault) throw fault
}

function checkRange({ statusCode, headers }: HubResponse, at: number, what: string): void {
  const start = /^bytes (\d+)-/.exec(String(headers['content-range']))?.[1]
  if (statusCode === 206 && Number(start) !== at) {
    throw new TetherError('download_failed', `${what}: asked for bytes from ${at}, got them from ${start}`)
  }
}

/** Reads what is left of a short body, so that the connection can be used again. */
async function discard({ body }: HubResponse): Promise<void> {
  await body.dump({ limit: 65_536 }).catch(() => {})
}
