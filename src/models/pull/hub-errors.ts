/** What the hub's error statuses mean, and what the user is told about them. */
import type { Dispatcher } from 'undici'
import { TetherError } from '../../errors.js'
import type { Hub } from './hub.js'
import { HubFault } from './hub-fault.js'

export type HubResponse = Dispatcher.ResponseData

/** The longest wait that a busy hub is granted. */
const maxRetryAfterMs = 330_000

export interface Asked {
  hub: Hub
  /** The repository, ORG/NAME. */
  name: string
  url: URL
  /** The file, or the repository with its revision: for messages. */
  what: string
}

/** The error for a status of 400 or above: a HubFault, or a TetherError that names the fix. */
export function responseError({ statusCode, headers }: HubResponse, { hub, name, url, what }: Asked): Error {
  const { host } = url
  const code = headers['x-error-code']
  if (statusCode === 429 || statusCode === 503) return busy(statusCode, headers['retry-after'], host)
  if (statusCode >= 500 || statusCode === 408) {
    const text = `${host} answers with an error (${statusCode})`
    return new HubFault(text, `${text}. Try again later.`, 'always')
  }
  if (statusCode === 401 && !hub.token && code !== 'GatedRepo') {
    // Without a token the hub answers 401 for a repository that does not exist, so as not to reveal private ones.
    const text = 'this repository is private or does not exist. Check its name, or set HF_TOKEN if you have access.'
    const kind = code === 'RepoNotFound' ? 'model_not_found' : 'unauthorized'
    return new TetherError(kind, `${what}: access denied (401): ${text}`)
  }
  if (code === 'RevisionNotFound') {
    return new TetherError('model_not_found', `${what}: no such revision. Check --revision.`)
  }
  if (statusCode === 404 || code === 'RepoNotFound' || code === 'EntryNotFound') {
    return new TetherError('model_not_found', `${what} does not exist on ${host}. Check its name.`)
  }
  if (code === 'GatedRepo' || statusCode === 403) {
    const page = `${hub.endpoint}/${name}`
    const steps = `Accept its conditions, then set HF_TOKEN to a token of that account:\n  ${page}`
    return new TetherError('unauthorized', `${name}: access denied (${statusCode}): this model is gated. ${steps}`)
  }
  if (statusCode === 401) {
    const page = `${hub.endpoint}/settings/tokens`
    const text = `access denied (401): the token is not valid. Set HF_TOKEN to a valid one:\n  ${page}`
    return new TetherError('unauthorized', `${what}: ${text}`)
  }
  // Of a server that may be anybody's: a terminal would obey its control characters.
  const said = String(headers['x-error-message'] ?? '')
    .replace(/\p{Cc}/gu, '?')
    .slice(0, 200)
  return new TetherError(
    'download_failed',
    `${what}: ${host} answers ${statusCode}${said ? ` (${said})` : ''}. Try again later.`,
  )
}

function busy(statusCode: number, retryAfter: string | string[] | undefined, host: string): Error {
  const retryAfterMs = parseRetryAfter(retryAfter)
  if (retryAfterMs === undefined || retryAfterMs <= maxRetryAfterMs) {
    const text = `${host} is busy (${statusCode})`
    return new HubFault(text, `${text}. Try again later.`, 'always', { retryAfterMs })
  }
  const minutes = Math.ceil(retryAfterMs / 60_000)
  return new TetherError('download_failed', `${host} is busy for ${minutes} minutes. Try again then.`)
}

/** Takes seconds or a date. */
function parseRetryAfter(value: string | string[] | undefined): number | undefined {
  if (typeof value !== 'string') return undefined
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}
