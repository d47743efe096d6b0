/** Asks the hub: follows its redirects, waits when it is busy, and says in words what it refuses. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from 'undici'
import { TetherError } from '../../errors.js'
import type { Hub } from './hub.js'

export interface HubClientOptions {
  hub: Hub
  /** Connections to one host at once. */
  connections: number
  signal: AbortSignal
  /** The first wait after a fault; it doubles. */
  backoffMs: number
  /** How long a silent connection is waited for. */
  idleMs: number
  /** Hears why it waits. */
  say: (line: string) => void
}

export interface Span {
  start: number
  /** Exclusive. */
  end: number
}

export interface HubClient {
  /** `what` names it in messages. */
  json(url: string, what: string): Promise<unknown>
  /**
   * A span of a file, or all of it. `onBytes` gets what comes, in order, and may be called again from where it was
   * after a dropped connection. -> false if the server cannot give spans; nothing was handed on then.
   */
  read(url: string, what: string, span: Span, onBytes: (bytes: Buffer, at: number) => Promise<void>): Promise<boolean>
  close(): Promise<void>
}

/** How often in a row nothing may come before it is given up. */
const patience = 6
const longestWaitMs = 30_000
/** What a busy hub may ask for at the most. */
const longestRetryAfterMs = 330_000

/** Written at once: small enough to lose, large enough to be rare. */
const handOnBytes = 1 << 20

type Answer = Dispatcher.ResponseData

export function openHubClient(options: HubClientOptions): HubClient {
  const { hub, signal, idleMs } = options
  const settings = {
    connections: options.connections,
    headersTimeout: idleMs,
    bodyTimeout: idleMs,
    connect: { timeout: idleMs },
  }
  const proxied = ['http_proxy', 'https_proxy'].some((name) => process.env[name] || process.env[name.toUpperCase()])
  const dispatcher = proxied ? new EnvHttpProxyAgent(settings) : new Agent(settings)
  const hubOrigin = new URL(hub.endpoint).origin

  /** One answer that is neither a redirect nor an error. The token goes to the hub alone, not where it redirects to. */
  const ask = async (url: string, what: string, headers: Record<string, string>): Promise<Answer> => {
    let next = new URL(url)
    for (let hop = 0; hop < 6; hop++) {
      const own = next.origin === hubOrigin && hub.token ? { authorization: `Bearer ${hub.token}` } : {}
      const answer = await request(next, { dispatcher, signal, headers: { ...headers, ...own } })
      if (answer.statusCode < 300) return answer
      const { location } = answer.headers
      await discard(answer)
      if (answer.statusCode >= 400) throw refusal(answer, what, hub)
      if (typeof location !== 'string') throw new TetherError('download_failed', `${what}: a redirect to nowhere`)
      const target = new URL(location, next)
      if (next.protocol === 'https:' && target.protocol !== 'https:') {
        throw new TetherError(
          'download_failed',
          `${what}: the hub redirects to ${target.origin}, which is not encrypted`,
        )
      }
      next = target
    }
    throw new TetherError('download_failed', `${what}: the hub redirects in circles; check HF_ENDPOINT`)
  }

  /** Calls until it succeeds; a fault that may pass is waited out. `progress` grows while things go on. */
  const persist = async <T>(what: string, call: () => Promise<T>, progress: () => number = () => 0): Promise<T> => {
    let failures = 0
    let had = progress()
    for (;;) {
      try {
        return await call()
      } catch (error) {
        if (signal.aborted || !mayPass(error)) throw error
        failures = progress() > had ? 1 : failures + 1
        had = progress()
        if (failures >= patience) throw givenUp(what, error, hub)
        await wait(error, failures)
      }
    }
  }

  const wait = async (error: unknown, failures: number) => {
    const asked = error instanceof Busy ? error.retryAfterMs : undefined
    if (asked !== undefined && asked > 2000) options.say(`the hub is busy; going on in ${Math.ceil(asked / 1000)} s`)
    const grown = Math.min(longestWaitMs, options.backoffMs * 2 ** (failures - 1))
    await sleep(asked ?? grown * (0.75 + Math.random() / 2), undefined, { signal })
  }

  return {
    json: (url, what) =>
      persist(what, async () => {
        const { body } = await ask(url, what, { accept: 'application/json' })
        const text = await body.text()
        try {
          return JSON.parse(text)
        } catch {
          throw new TetherError('download_failed', `${hub.endpoint} did not answer as the hub does; check HF_ENDPOINT`)
        }
      }),
    read: (url, what, span, onBytes) => {
      let at = span.start
      const once = async () => {
        if (at === span.end) return true
        const answer = await ask(url, what, { range: `bytes=${at}-${span.end - 1}`, 'accept-encoding': 'identity' })
        if (answer.statusCode !== 206 && at > 0) {
          await discard(answer)
          return false
        }
        checkRange(answer, at, what)
        let held: Buffer[] = []
        let size = 0
        const handOn = async () => {
          const bytes = Buffer.concat(held)
          held = []
          size = 0
          if (bytes.length > 0) await onBytes(bytes, at)
          at += bytes.length
        }
        try {
          for await (const chunk of answer.body) {
            const bytes = (chunk as Buffer).subarray(0, span.end - at - size)
            held.push(bytes)
            size += bytes.length
            if (size >= handOnBytes || at + size === span.end) await handOn()
            // A server without spans sends all of the file: the rest is for others to get.
            if (at === span.end) break
          }
        } finally {
          // What came before a connection broke is kept.
          await handOn()
        }
        if (at < span.end) throw new Broken(`the connection ended at byte ${at} of ${span.end}`)
        return true
      }
      return persist(what, once, () => at)
    },
    close: () => dispatcher.destroy(),
  }
}

/** Another try may well succeed. */
class Broken extends Error {}

/** The hub says to wait. */
class Busy extends Broken {
  constructor(
    message: string,
    readonly retryAfterMs?: number,
  ) {
    super(message)
  }
}

function mayPass(error: unknown): boolean {
  if (error instanceof Broken) return true
  const code = (error as NodeJS.ErrnoException).code ?? ''
  return /^(UND_ERR_|ECONN|EPIPE|ETIMEDOUT|EAI_AGAIN|ENETDOWN|ENETUNREACH|EHOSTUNREACH)/.test(code)
}

function refusal({ statusCode, headers }: Answer, what: string, hub: Hub): Error {
  const code = headers['x-error-code']
  const said = headers['x-error-message']
  if (statusCode === 429 || statusCode === 503) {
    const retryAfterMs = retryAfter(headers['retry-after'])
    if (retryAfterMs !== undefined && retryAfterMs > longestRetryAfterMs) {
      const minutes = Math.ceil(retryAfterMs / 60_000)
      return new TetherError('download_failed', `${what}: the hub is busy for ${minutes} minutes; try again then`)
    }
    return new Busy(`the hub is busy (${statusCode})`, retryAfterMs)
  }
  if (statusCode >= 500 || statusCode === 408) return new Broken(`the hub answers ${statusCode}`)
  // Without a token the hub says 401 of what does not exist, so as not to give away what is private.
  if (statusCode === 404 || code === 'RepoNotFound' || code === 'RevisionNotFound' || code === 'EntryNotFound') {
    const which = code === 'RevisionNotFound' ? 'has no such revision' : 'is not on the hub'
    const secret = statusCode === 401 && !hub.token ? '; if it is private, set HF_TOKEN' : ''
    return new TetherError('model_not_found', `${what} ${which}; check its name${secret}`)
  }
  if (statusCode === 401 || statusCode === 403) {
    const fix =
      code === 'GatedRepo' || statusCode === 403
        ? `accept its conditions on its page at ${hub.endpoint}, then set HF_TOKEN to a token of that account`
        : hub.token
          ? 'the token is not valid; set HF_TOKEN to a good one'
          : 'set HF_TOKEN to a token of an account that may read it'
    return new TetherError('unauthorized', `${what}: the hub refuses it (${statusCode}); ${fix}`)
  }
  return new TetherError('download_failed', `${what}: the hub answers ${statusCode}${said ? ` (${said})` : ''}`)
}

/** Seconds or a date. */
function retryAfter(value: string | string[] | undefined): number | undefined {
  if (typeof value !== 'string') return undefined
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

function checkRange({ statusCode, headers }: Answer, at: number, what: string): void {
  const start = /^bytes (\d+)-/.exec(String(headers['content-range']))?.[1]
  if (statusCode === 206 && Number(start) !== at) {
    throw new TetherError('download_failed', `${what}: asked for bytes from ${at}, got them from ${start}`)
  }
}

function givenUp(what: string, error: unknown, hub: Hub): TetherError {
  const { message, code } = error as NodeJS.ErrnoException
  const why = message || code || 'no answer'
  return new TetherError(
    'download_failed',
    `${what} cannot be downloaded from ${hub.endpoint} (${why}); check the network, then pull again to go on`,
    { cause: error },
  )
}

/** Reads what is left, if it is little, so that the connection can be used again. */
async function discard({ body }: Answer): Promise<void> {
  await body.dump({ limit: 65_536 }).catch(() => {})
}
