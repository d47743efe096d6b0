/** The keys of the clients, each with a name for the log. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { TetherError } from '../errors.js'

export interface Keys {
  /** Whether a request needs one: decided by the first ones, so that none that come later lock anybody out. */
  readonly required: boolean
  /**
   * -> the name of the key that the request has; undefined: it has none of them and needs none. Throws `unauthorized`, and
   * `not_loaded` for a key that may yet come.
   */
  check(request: Request): string | undefined
  /** Others in their place, from the next request on. Throws `bad_config`, and then changes nothing. */
  set(keys: Readonly<Record<string, string>>): void
}

/** What a key must be: a header can hold it, and it can be pasted. */
const keyPattern = /^[!-~]([ -~]*[!-~])?$/

/** `keys` by their names. Without any, every client is let in. `comes`: whether more keys may come soon. Throws `bad_config`. */
export function createKeys(keys: Readonly<Record<string, string>>, comes = () => false): Keys {
  let known = digestsOf(keys)
  const required = known.length > 0
  return {
    required,
    set(others) {
      known = digestsOf(others)
    },
    check({ headers }) {
      const bearer = /^Bearer\s+(.+)$/i.exec(headers.get('authorization') ?? '')?.[1]
      // A valid key in either header is enough: clients may send another service's key in the other one.
      const given = [bearer, headers.get('x-api-key') ?? undefined].filter((key) => key !== undefined)
      let found: string | undefined
      // Every key is compared, and digests have equal length: the time says nothing about any of them.
      for (const digest of given.map(digestOf)) {
        for (const key of known) if (timingSafeEqual(digest, key.digest)) found ??= key.name
      }
      if (found !== undefined || !required) return found
      if (given.length > 0 && comes()) throw new TetherError('not_loaded', 'the server has just been started again')
      throw new TetherError(
        'unauthorized',
        `${given.length > 0 ? 'wrong' : 'missing'} API key: run tether env on the server's machine to see it`,
      )
    },
  }
}

function digestsOf(keys: Readonly<Record<string, string>>): { name: string; digest: Buffer }[] {
  return Object.entries(keys).map(([name, key]) => {
    if (typeof key === 'string' && keyPattern.test(key)) return { name, digest: digestOf(key) }
    throw new TetherError('bad_config', `the API key "${name}" has to be letters, digits and signs of ASCII`)
  })
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
