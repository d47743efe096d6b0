/** Where a hub may send tether on to: what it says is not trusted further than the hub itself. */
import { TetherError } from '../../errors.js'
import type { Hub } from './hub.js'

/** -> the address that `location` names. Throws `download_failed`: `what` is the thing that was asked for. */
export function redirectTarget(location: unknown, from: URL, what: string, { endpoint }: Hub): URL {
  const refuse = (why: string) => new TetherError('download_failed', `${what}: ${from.host} ${why}`)
  if (typeof location !== 'string') throw refuse('redirects without saying where. Try again later.')
  if (!URL.canParse(location, from.href)) throw refuse('redirects to what is no address. Check HF_ENDPOINT.')
  const target = new URL(location, from)
  if (target.protocol !== 'https:' && (from.protocol === 'https:' || target.protocol !== 'http:'))
    throw refuse(`redirects to ${target.protocol}//${target.host}, which is not encrypted. Check HF_ENDPOINT.`)
  // A hub of one's own may store its files in the same network.
  if (isPrivate(target.hostname) && !isPrivate(new URL(endpoint).hostname))
    throw refuse(`redirects to ${target.host}, which is in a private network. Check HF_ENDPOINT.`)
  return target
}

/** Whether a host, as URL writes it, is this machine or in a network of its own, as far as its name tells. */
export function isPrivate(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '')
  if (/^(.*\.)?(localhost|local|internal|home\.arpa)$/.test(name)) return true
  if (name.startsWith('[')) return isPrivateV6(name.slice(1, -1))
  return isPrivateV4(name)
}

/** Unspecified, private, shared, loopback, link-local (RFC 6890), and names without a dot. */
function isPrivateV4(name: string): boolean {
  const parts = /^(\d+)\.(\d+)\.\d+\.\d+$/.exec(name)
  if (!parts) return !name.includes('.')
  const [first = 0, second = 0] = parts.slice(1).map(Number)
  if (first === 0 || first === 10 || first === 127) return true
  if (first === 100) return second >= 64 && second < 128
  if (first === 172) return second >= 16 && second < 32
  return (first === 169 && second === 254) || (first === 192 && second === 168)
}

/** Loopback, unspecified, unique local, link-local, and IPv4 addresses within IPv6, which URL writes in two groups. */
function isPrivateV6(address: string): boolean {
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(address)
  if (mapped) {
    const [high = 0, low = 0] = mapped.slice(1).map((group) => Number.parseInt(group, 16))
    return isPrivateV4([high >> 8, high & 255, low >> 8, low & 255].join('.'))
  }
  return address === '::' || address === '::1' || /^f[cd]|^fe[89ab]/.test(address)
}
