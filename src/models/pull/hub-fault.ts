/** Faults between tether and the hub, in words: what went wrong with which host, and what to do about it. */
import { TetherError } from '../../errors.js'
import { type Hub, publicHub } from './hub.js'
import { isDirect, proxyOf } from './proxy.js'

/** Whether another try may succeed: always, only where the hub has answered before, or never. */
export type Retry = 'always' | 'once reached' | 'never'

/** The message is what the user is told when no try is left. */
export class HubFault extends Error {
  constructor(
    /** What went wrong, without a full stop, such as `No answer from huggingface.co`. */
    readonly what: string,
    message: string,
    readonly retry: Retry,
    more: { cause?: unknown; retryAfterMs?: number } = {},
  ) {
    super(message, { cause: more.cause })
    this.retryAfterMs = more.retryAfterMs
  }

  /** How long the hub says to wait. */
  readonly retryAfterMs?: number
}

/** -> what the error of a request to `url` means; TetherErrors and HubFaults as they are. */
export function toHubFault(error: unknown, url: URL, hub: Hub): Error {
  if (error instanceof HubFault || error instanceof TetherError) return error
  const route = routeTo(url, hub)
  const { text, fix, retry } = proxyRefusal(error, route) ?? explain(error, route)
  return new HubFault(text, `${text}. ${fix}`, retry, { cause: error })
}

const again = 'then run the command again.'

interface Explanation {
  /** What went wrong with which host, without a full stop. */
  text: string
  fix: string
  retry: Retry
}

/** How a host is reached, for messages. */
interface Route {
  host: string
  /** Such as `huggingface.co`, or `huggingface.co through the proxy proxy:3128 (HTTPS_PROXY)`. */
  target: string
  /** The end of a sentence that says what to look at. */
  check: string
  /** Whether HF_ENDPOINT names the host. */
  isMirror: boolean
  proxy?: { host: string; variable: string }
}

function routeTo(url: URL, hub: Hub): Route {
  const { host } = url
  const isMirror = host === new URL(hub.endpoint).host && hub.endpoint !== publicHub
  const proxy = isDirect(url) ? undefined : proxyOf(url.protocol)
  if (proxy) {
    const { variable } = proxy
    const target = `${host} through the proxy ${proxy.host} (${variable})`
    const check = `the address of the proxy in ${variable} and your internet connection`
    return { host, target, check, isMirror, proxy }
  }
  const check = isMirror ? 'HF_ENDPOINT and your internet connection' : 'your internet connection'
  return { host, target: host, check, isMirror }
}

function explain(error: unknown, route: Route): Explanation {
  const code = codeOf(error)
  const { target, check } = route
  const unreachable = (why: string) => ({ text: `Cannot reach ${target}: ${why}`, fix: `Check ${check}, ${again}` })
  if (code === 'ENOTFOUND') return { ...unreachable('host name not found'), retry: 'once reached' }
  if (code === 'EAI_AGAIN') return { ...unreachable('the name server does not answer'), retry: 'always' }
  if (/^(ENETUNREACH|ENETDOWN|EHOSTUNREACH|EHOSTDOWN|EADDRNOTAVAIL)$/.test(code)) {
    return { ...unreachable('no connection'), retry: 'always' }
  }
  if (code === 'ECONNREFUSED') return { ...unreachable('connection refused'), retry: 'always' }
  if (/TIMEOUT|ETIMEDOUT/.test(code)) {
    return { text: `No answer from ${target}`, fix: `Check ${check}, or try again later.`, retry: 'always' }
  }
  if (/^(ECONN|EPIPE|UND_ERR_SOCKET|UND_ERR_CLOSED|UND_ERR_DESTROYED|UND_ERR_.*MISMATCH)/.test(code)) {
    return { text: `The connection to ${target} was lost`, fix: `Check ${check}, ${again}`, retry: 'always' }
  }
  return certificateFault(code, error, route) ?? notHttp(code, route) ?? unknownFault(code, error, route)
}

/** Faults of TLS. Another try would end the same way. */
function certificateFault(code: string, error: unknown, route: Route): Explanation | undefined {
  const { host, proxy } = route
  const bad = (why: string, fix: string): Explanation => ({
    text: `The certificate of ${host} ${why}`,
    fix,
    retry: 'never',
  })
  const clock = `Check this machine's date (${new Date().toDateString()}), ${again}`
  if (code === 'CERT_HAS_EXPIRED') return bad('has expired', clock)
  if (code === 'CERT_NOT_YET_VALID') return bad('is not valid yet', clock)
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' || code === 'UND_ERR_PRX_TLS') {
    return bad(
      'is for another host',
      `Check ${proxy ? `the proxy in ${proxy.variable}` : 'the address and your network'}, ${again}`,
    )
  }
  if (/SELF_SIGNED|UNABLE_TO_(GET_ISSUER|VERIFY)|^CERT_|INVALID_CA|^ERR_TLS_CERT/.test(code)) {
    const why = /SELF_SIGNED/.test(code) ? 'is self-signed' : 'cannot be verified'
    const fix = `If your company's network checks encrypted traffic, set NODE_EXTRA_CA_CERTS to the file of its certificate (PEM), ${again}`
    return bad(why, fix)
  }
  return /SSL|TLS|EPROTO/.test(`${code} ${String((error as Error).message)}`) ? notEncrypted(route) : undefined
}

function notEncrypted({ target, proxy, isMirror }: Route): Explanation {
  const fix = proxy
    ? `If the proxy speaks plain http, begin ${proxy.variable} with http://`
    : isMirror
      ? 'If it is a plain http server, begin HF_ENDPOINT with http://'
      : 'Something on this network answers in its place: sign in there, set HTTPS_PROXY, or use another network'
  return {
    text: `${target} does not answer with https`,
    fix: `${fix}, ${again}`,
    retry: 'never',
  }
}

/** node's HTTP parser names its faults HPE_. */
function notHttp(code: string, { target, check }: Route): Explanation | undefined {
  if (!code.startsWith('HPE_')) return undefined
  const fix = `Check ${check} (an https server needs an https:// address), ${again}`
  return { text: `${target} does not answer with http`, fix, retry: 'never' }
}

function unknownFault(code: string, error: unknown, { target, check }: Route): Explanation {
  const said = (error instanceof Error && error.message) || code || 'no reason given'
  const text = `Cannot reach ${target}: the connection failed (${said})`
  return { text, fix: `Check ${check}, ${again}`, retry: 'once reached' }
}

/** The status with which a proxy refused to connect, as undici words it. */
function proxyRefusal(error: unknown, { host, proxy }: Route): Explanation | undefined {
  const status = /Proxy (?:response|Authentication Required) \((\d+)\)/.exec((error as Error)?.message ?? '')?.[1]
  return status === undefined || !proxy ? undefined : proxyStatus(Number(status), host, proxy)
}

/** What the status of a proxy means that does not connect to a host. */
function proxyStatus(status: number, host: string, { host: name, variable }: NonNullable<Route['proxy']>): Explanation {
  const at = `The proxy ${name} (${variable})`
  if (status === 407) {
    const fix = `Put them into ${variable}: http://USER:PASSWORD@${name}`
    return { text: `${at} wants a user name and a password (407)`, fix, retry: 'never' }
  }
  if (status >= 500) {
    const fix = `Check your internet connection, or try again later.`
    return { text: `${at} cannot reach ${host} (${status})`, fix, retry: 'always' }
  }
  const fix = `Ask the administrator of the proxy to allow ${host}, or exempt it with NO_PROXY.`
  return { text: `${at} does not connect to ${host} (${status})`, fix, retry: 'never' }
}

/** Of the error, or of the attempts that it sums up. */
function codeOf(error: unknown): string {
  const { code, cause, errors } = (error ?? {}) as { code?: unknown; cause?: unknown; errors?: unknown[] }
  if (typeof code === 'string') return code
  return cause ? codeOf(cause) : errors?.length ? codeOf(errors[0]) : ''
}
