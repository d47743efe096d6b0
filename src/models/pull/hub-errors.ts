/** What can go wrong with the hub: which faults are worth another try, and what the user is told about the others. */
import type { Dispatcher } from 'undici'
import { TetherError } from '../../errors.js'
import type { Hub } from './hub.js'

export type HubResponse = Dispatcher.ResponseData

/** The longest wait that a busy hub is granted. */
const maxRetryAfterMs = 330_000

/** A fault after which another try may succeed. */
export class RetryableError extends Error {}

/** The hub says to wait. */
export class HubBusy extends RetryableError {
  constructor(
    message: string,
    readonly retryAfterMs?: number,
  ) {
    super(message)
  }
}

export function isRetryable(error: unknown): boolean {
  if (error instanceof RetryableError) return true
  const code = (error as NodeJS.ErrnoException).code ?? ''
  return /^(UND_ERR_|ECONN|EPIPE|ETIMEDOUT|EAI_AGAIN|ENETDOWN|ENETUNREACH|EHOSTUNREACH)/.test(code)
}

/** The error for a status of 400 or above: a RetryableError, or a TetherError that names the fix. */
export function responseError({ statusCode, headers }: HubResponse, what: string, hub: Hub): Error {
  const code = headers['x-error-code']
  if (statusCode === 429 || statusCode === 503) return busy(statusCode, headers['retry-after'], what)
  if (statusCode >= 500 || statusCode === 408) return new RetryableError(`the hub answers ${statusCode}`)
  // Without a token the hub answers 401 for a repository that does not exist, so as not to reveal private ones.
  if (statusCode === 404 || code === 'RepoNotFound' || code === 'RevisionNotFound' || code === 'EntryNotFound') {
    const which = code === 'RevisionNotFound' ? 'has no such revision' : 'is not on the hub'
    const secret = statusCode === 401 && !hub.token ? '; if it is private, set HF_TOKEN' : ''
    return new TetherError('model_not_found', `${what} ${which}; check its name${secret}`)
  }
  if (statusCode === 401 || statusCode === 403) {
    const isGated = code === 'GatedRepo' || statusCode === 403
    const fix = isGated
      ? `accept its conditions on its page at ${hub.endpoint}, then set HF_TOKEN to a token of that account`
      : hub.token
        ? 'the token is not valid; set HF_TOKEN to a valid one'
        : 'set HF_TOKEN to a token of an account that may read it'
    return new TetherError('unauthorized', `${what}: the hub denies access (${statusCode}); ${fix}`)
  }
  const said = headers['x-error-message']
  return new TetherError('download_failed', `${what}: the hub answers ${statusCode}${said ? ` (${said})` : ''}`)
}

function busy(statusCode: number, retryAfter: string | string[] | undefined, what: string): Error {
  const retryAfterMs = parseRetryAfter(retryAfter)
  if (retryAfterMs === undefined || retryAfterMs <= maxRetryAfterMs) {
    return new HubBusy(`the hub is busy (${statusCode})`, retryAfterMs)
  }
  const minutes = Math.ceil(retryAfterMs / 60_000)
  return new TetherError('download_failed', `${what}: the hub is busy for ${minutes} minutes; try again then`)
}

/** Takes seconds or a date. */
function parseRetryAfter(value: string | string[] | undefined): number | undefined {
  if (typeof value !== 'string') return undefined
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

/** The error when every try failed. */
export function gaveUp(what: string, error: unknown, hub: Hub): TetherError {
  const { message, code } = error as NodeJS.ErrnoException
  const why = message || code || 'no answer'
  return new TetherError(
    'download_failed',
    `${what} cannot be downloaded from ${hub.endpoint} (${why}); check the network, then pull again to continue`,
    { cause: error },
  )
}
