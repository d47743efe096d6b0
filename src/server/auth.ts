/** Who may send requests: clients with the key if one is set, else clients that address this machine by a loopback name. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { TetherError } from '../errors.js'
import { HttpError } from './http-error.js'

/** A valid key in either header is enough: clients may send another service's key in the other one. */
export function checkKey(request: Request, apiKey: string): void {
  const bearer = /^Bearer\s+(.+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
  const given = [bearer, request.headers.get('x-api-key')].filter((key) => typeof key === 'string')
  if (given.some((key) => isSame(key, apiKey))) return
  throw new TetherError(
    'unauthorized',
    `${given.length > 0 ? 'wrong' : 'missing'} API key: run tether env on the server's machine to see it`,
  )
}

/**
 * Any web page can send requests to a loopback port: under a name of its own that resolves to 127.0.0.1 (then Host
 * says so), or across origins (then Origin does). Two Host headers arrive here joined by a comma and match nothing.
 */
export function checkLocal(request: Request): void {
  const host = request.headers.get('host') ?? ''
  if (!isLoopback(hostname(`http://${host}`))) throw new HttpError('forbidden', `Host ${host} is not this machine`)
  const origin = request.headers.get('origin')
  if (origin !== null && !isLoopback(hostname(origin))) {
    throw new HttpError('forbidden', `requests from ${origin} need an API key`)
  }
}

/** Whether a host name always means this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** Lower case, without the port; empty if it is not a host. */
function hostname(url: string): string {
  const match = /^https?:\/\/([^/?#@,\s:[\]]+|\[[0-9a-f:.]+\])(?::\d+)?$/i.exec(url)
  return match?.[1]?.toLowerCase() ?? ''
}

/** Digests have equal length, so the comparison takes constant time. */
function isSame(given: string, wanted: string): boolean {
  return timingSafeEqual(digest(given), digest(wanted))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
