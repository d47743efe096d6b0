/**
 * Which requests are let in before their key is looked at. Any web page can send requests to a loopback port: under a name
 * of its own that resolves to 127.0.0.1 (then Host says so), or across origins (then Origin does).
 */
import { TetherError } from '../errors.js'
import { HttpError } from './http-error.js'

export interface EdgeOptions {
  /** The server listens on a loopback address: only this machine's names are answered. */
  loopback: boolean
  /** Names besides them, without a port. On another address: these and this machine's names alone; none: every name. */
  allowedHosts: readonly string[]
  /** Origins whose pages may send requests, such as `https://app.example:8443`. */
  allowedOrigins: readonly string[]
}

export interface Edge {
  /** Throws `forbidden`. */
  check(request: Request): void
  /** The answer to a browser that asks before it sends: undefined if this is no such request. */
  preflight(request: Request): Response | undefined
  /** Lets the page that asked read the answer, if it may. */
  share(request: Request, response: Response): void
}

/** Throws `bad_config` for what is no host or no origin. */
export function createEdge({ loopback, allowedHosts, allowedOrigins }: EdgeOptions): Edge {
  const hosts = new Set(allowedHosts.map(hostSetting))
  const origins = new Set(allowedOrigins.map(originSetting))
  const isKnown = (name: string) => isLoopback(name) || hosts.has(name)
  const isOpen = !loopback && hosts.size === 0
  const allowed = (request: Request) => {
    const origin = request.headers.get('origin')?.toLowerCase()
    return origin !== undefined && origins.has(origin) ? origin : undefined
  }
  return {
    check(request) {
      const host = request.headers.get('host') ?? ''
      const place = placeOf(`http://${host}`)
      const named = new URL(request.url).hostname
      if (place === undefined) {
        throw new HttpError('forbidden', host === '' ? 'a Host header is required' : `Host ${host} is no host and port`)
      }
      for (const name of isOpen ? [] : [place.name, named]) {
        if (isKnown(name)) continue
        throw new HttpError('forbidden', `Host ${name} is not this machine. allowed_hosts can name it.`)
      }
      const origin = request.headers.get('origin')
      if (origin === null || allowed(request)) return
      const from = placeOf(origin)
      if (from && from.name === place.name && portOf(from, from) === portOf(place, from)) return
      throw new HttpError('forbidden', `requests from ${origin} are not allowed. allowed_origins can name it.`)
    },
    preflight(request) {
      if (request.method !== 'OPTIONS' || !request.headers.has('access-control-request-method')) return undefined
      if (allowed(request) === undefined) return undefined
      const asked = (request.headers.get('access-control-request-headers') ?? '').replace(/[^\w!#$%&'*+.^`|~, -]/g, '')
      const headers: Record<string, string> = {
        'access-control-allow-methods': 'GET, HEAD, POST, DELETE',
        'access-control-allow-headers': asked,
        'access-control-max-age': '600',
      }
      if (request.headers.has('access-control-request-private-network')) {
        headers['access-control-allow-private-network'] = 'true'
      }
      return new Response(null, { status: 204, headers })
    },
    share(request, response) {
      const origin = allowed(request)
      if (origins.size > 0) response.headers.append('vary', 'origin')
      if (origin === undefined) return
      response.headers.set('access-control-allow-origin', origin)
      response.headers.set('access-control-expose-headers', '*')
    },
  }
}

/** Whether a host name always means this machine. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** All in lower case. */
interface Place {
  scheme: string
  name: string
  port?: string
}

/** undefined if it is no scheme with a host, such as two Host headers, which arrive here joined by a comma. */
function placeOf(url: string): Place | undefined {
  const match = /^(https?):\/\/([^/?#@,\s:[\]]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/i.exec(url)
  if (!match) return undefined
  return { scheme: match[1]?.toLowerCase() ?? '', name: match[2]?.toLowerCase() ?? '', port: match[3] }
}

/** The port that is meant where none is written. */
function portOf({ port }: Place, { scheme }: Place): string {
  return port ?? (scheme === 'https' ? '443' : '80')
}

function hostSetting(text: string): string {
  const place = placeOf(`http://${text}`)
  if (place && place.port === undefined) return place.name
  throw new TetherError('bad_config', `allowed_hosts: ${text} is not a host name without a port, such as mac.local`)
}

/** `null` is what a page in a sandbox or in a file sends. */
function originSetting(text: string): string {
  if (text === 'null' || /^[a-z][a-z\d+.-]*:\/\/[^/?#@,\s]+$/i.test(text)) return text.toLowerCase()
  throw new TetherError('bad_config', `allowed_origins: ${text} is not an origin, such as https://app.example:8443`)
}
