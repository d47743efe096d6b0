/** The proxies that the environment names for requests to the hub. */
import { TetherError } from '../../errors.js'

type Env = Record<string, string | undefined>

export interface Proxy {
  /** Such as http://user:password@proxy:3128. */
  address: string
  /** Host and port, without a password: for messages. */
  host: string
  /** The environment variable that names it. */
  variable: string
}

/** undefined: none. For the protocol `http:` or `https:`. Throws `download_failed` if the address cannot be one. */
export function proxyOf(protocol: string, env: Env = process.env): Proxy | undefined {
  const names =
    protocol === 'https:' ? ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'] : ['http_proxy', 'HTTP_PROXY']
  const variable = names.find((name) => env[name])
  const value = variable === undefined ? undefined : env[variable]?.trim()
  if (variable === undefined || !value) return undefined
  const address = value.includes('://') ? value : `http://${value}`
  if (!URL.canParse(address) || !/^(https?|socks5?):$/.test(new URL(address).protocol)) {
    throw new TetherError('download_failed', `${variable} must be an address such as http://proxy:3128, not ${value}`)
  }
  return { address, host: new URL(address).host, variable }
}

/** Whether NO_PROXY says that this host is reached without a proxy. */
export function isDirect({ hostname }: URL, env: Env = process.env): boolean {
  const entries = (env.no_proxy ?? env.NO_PROXY ?? '').split(/[,\s]+/).filter((entry) => entry !== '')
  return entries.some((entry) => {
    const name = entry
      .replace(/:\d+$/, '')
      .replace(/^\*?\./, '')
      .toLowerCase()
    return name === '*' || hostname === name || hostname.endsWith(`.${name}`)
  })
}
