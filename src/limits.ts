/** The limits of the server, once: name, default, range, and what a client gets that reaches one. */
import { TetherError } from './errors.js'
import { namesOf, type Option, optionFault } from './options.js'

const MiB = 2 ** 20

export const limitOptions = {
  /** Bytes of one body. */
  maxBody: {
    key: 'max_body',
    kind: 'size',
    default: 32 * MiB,
    least: 1024,
    most: 256 * MiB,
    hint: 'SIZE',
    help: 'largest body of a request; a larger one gets 413',
  },
  /** Bytes of all bodies that are read or wait to be read into a prompt. At least `maxBody`. */
  maxBodies: {
    key: 'max_bodies',
    kind: 'size',
    default: 256 * MiB,
    least: 1024,
    most: Number.MAX_SAFE_INTEGER,
    hint: 'SIZE',
    help: 'most memory for the bodies of all requests together; beyond it the largest gets 429',
  },
  /** Bytes of the request line and the headers. */
  maxHeaders: {
    key: 'max_headers',
    kind: 'size',
    default: 16 * 1024,
    least: 1024,
    most: MiB,
    hint: 'SIZE',
    help: 'largest headers of a request; larger ones get 431',
  },
  /** Levels of JSON. What is more could overflow the stack of recursive code. */
  maxDepth: {
    key: 'max_depth',
    kind: 'whole',
    default: 1000,
    least: 16,
    most: 1000,
    hint: 'N',
    help: 'levels that the JSON of a request may be nested; more get 400',
  },
  maxConnections: {
    key: 'max_connections',
    kind: 'whole',
    default: 1024,
    least: 1,
    most: 60_000,
    hint: 'N',
    help: 'connections at once; more get 429',
  },
  /** Messages that may wait or be answered at once. A client alone gets three quarters: 64 streams of one program have room. */
  maxRequests: {
    key: 'max_requests',
    kind: 'whole',
    default: 96,
    least: 1,
    most: 10_000,
    hint: 'N',
    help: 'requests that may wait or run at once; more get 429',
  },
  /** Seconds. */
  headersTimeout: {
    key: 'headers_timeout',
    kind: 'whole',
    default: 60,
    least: 1,
    most: 3600,
    hint: 'N',
    help: 'seconds that the headers of a request may take; then 408',
  },
  /** Seconds. */
  bodyTimeout: {
    key: 'body_timeout',
    kind: 'whole',
    default: 300,
    least: 1,
    most: 86_400,
    hint: 'N',
    help: 'seconds that the body of a request may take; then 408',
  },
  /** Seconds. */
  idleTimeout: {
    key: 'idle_timeout',
    kind: 'whole',
    default: 75,
    least: 1,
    most: 86_400,
    hint: 'N',
    help: 'seconds that a connection stays open between two requests',
  },
} as const satisfies Record<string, Option>

export type Limits = { -readonly [Name in keyof typeof limitOptions]: number }

/** The limits that are set, and the defaults of the others. Throws `bad_config`. */
export function limitsOf(set: Partial<Limits>): Limits {
  const limits = {} as Limits
  for (const name of namesOf(limitOptions)) {
    const value = set[name] ?? limitOptions[name].default
    const fault = optionFault({ ...limitOptions[name], kind: 'whole' }, value)
    if (fault) throw new TetherError('bad_config', `${name} must be ${fault}, not ${String(value)}`)
    limits[name] = value
  }
  if (limits.maxBodies >= limits.maxBody) return limits
  throw new TetherError('bad_config', `maxBodies (${limits.maxBodies}) must be at least maxBody (${limits.maxBody})`)
}
