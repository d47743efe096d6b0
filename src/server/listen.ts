/** node:http under the app: connections, their limits, and what comes on them that is no HTTP. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerOptions, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { TetherError } from '../errors.js'
import type { Limits } from '../limits.js'
import type { App } from './app.js'
import { createArrivals } from './arrivals.js'
import { closing } from './closing.js'
import { connectionLimit, SPARE_CONNECTIONS } from './connections.js'
import { type Exchange, endUnsent, isTooLate, serveOne } from './exchange.js'
import type { LogLine } from './log.js'
import { refuseRaw } from './raw-refusal.js'

export interface ListenOptions {
  host: string
  /** 0: any free one. */
  port: number
  /** Unset: plain HTTP. */
  tls?: TlsOptions
  limits: Pick<Limits, 'maxHeaders' | 'maxConnections' | 'headersTimeout' | 'idleTimeout'>
  /** Called once for every request, when its last byte is sent or its client is gone. */
  onLog?: (line: LogLine) => void
}

export interface Listener {
  port: number
  /** For new connections. Throws `bad_config`, and for a server without TLS. */
  setTls(tls: TlsOptions): void
  /** Accepts no more requests, ends those that run with an error, and waits until they are gone. Safe to call twice. */
  close(): Promise<void>
}

/** A certificate and its key, as PEM. */
export interface TlsOptions {
  cert: string | Buffer
  key: string | Buffer
}

/** How long a server that closes sends errors to those whose requests it ends. */
const ANSWERS_MS = 1000

/** Throws `port_in_use`, or `bad_config` for an address that cannot be listened on. */
export async function listen(app: App, { host, port, tls, limits, onLog }: ListenOptions): Promise<Listener> {
  const exchanges = new Set<Exchange>()
  let shutting: Promise<void> | undefined
  const arrive = createArrivals()
  const connections = connectionLimit(limits.maxConnections)
  const serve = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    // What else was sent with a request that is refused here is still read.
    if (incoming.socket.destroyed) return
    if (isTooLate(incoming) || !connections.begin(incoming.socket, outgoing)) return void incoming.socket.destroy()
    const sent = new Promise<void>((resolve) => outgoing.once('close', resolve))
    const exchange: Exchange = { outgoing, leave: new AbortController(), done: Promise.resolve(), sent }
    exchanges.add(exchange)
    if (shutting) exchange.leave.abort(closing())
    const answering = connections.isOver(incoming.socket) ? connections.refusing(app) : app
    const serving = { exchange, arrival: arrive(incoming), onLog }
    exchange.done = serveOne(answering, incoming, outgoing, serving).finally(() => exchanges.delete(exchange))
  }
  const options: ServerOptions = {
    maxHeaderSize: limits.maxHeaders,
    headersTimeout: limits.headersTimeout * 1000,
    // A body has a time of its own, and an answer may take an hour.
    requestTimeout: 0,
    keepAliveTimeout: limits.idleTimeout * 1000,
    connectionsCheckingInterval: 1000,
    // The app refuses a request without a Host, and says so in the protocol's shape.
    requireHostHeader: false,
  }
  const handshakeTimeout = limits.headersTimeout * 1000
  const secure = tls && secured(() => createSecureServer({ ...options, ...tls, handshakeTimeout }, serve))
  const server = secure ?? createServer(options, serve)
  server.maxConnections = limits.maxConnections + SPARE_CONNECTIONS
  // Without these listeners Node answers by itself, without a body.
  server.on('checkContinue', serve)
  server.on('checkExpectation', serve)
  server.on(secure ? 'secureConnection' : 'connection', (socket: Socket) => {
    connections.opened(socket)
    socket.once('close', () => {
      for (const exchange of exchanges) if (exchange.outgoing.req.socket === socket) endUnsent(exchange)
    })
  })
  server.on('clientError', (error, stream) => {
    const socket = stream as Socket
    // One that has not got through its TLS handshake could hear nothing, and would stay open for good.
    if (connections.isOpen(socket)) refuseRaw(error as NodeJS.ErrnoException, socket, limits)
    else socket.destroy()
  })
  server.on('connect', (_, socket) => refuseRaw({ code: 'CONNECT' }, socket as Socket, limits))

  try {
    server.listen(port, host)
    await once(server, 'listening')
  } catch (error) {
    throw cannotListen(error as NodeJS.ErrnoException, host, port)
  }

  const shut = async () => {
    const closed = once(server, 'close')
    server.close()
    const running = [...exchanges]
    for (const { leave } of running) leave.abort(closing())
    // A client that reads slowly, or sends slowly, is not waited for.
    await Promise.race([Promise.all(running.map(({ sent }) => sent)), sleep(ANSWERS_MS, undefined, { ref: false })])
    server.closeAllConnections()
    await closed
    await Promise.all([...exchanges].map(({ done }) => done))
  }
  return {
    port: (server.address() as AddressInfo).port,
    setTls(next) {
      if (!secure) throw new TetherError('bad_config', 'this server was started without TLS')
      secured(() => secure.setSecureContext(next))
    },
    close: () => {
      shutting ??= shut()
      return shutting
    },
  }
}

function secured<T>(make: () => T): T {
  try {
    return make()
  } catch (cause) {
    const why = (cause as Error).message
    throw new TetherError('bad_config', `the TLS certificate and its key cannot be used: ${why}`, { cause })
  }
}

function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): TetherError {
  const at = `${host.includes(':') ? `[${host}]` : host}:${port}`
  if (error.code === 'EADDRINUSE') {
    return new TetherError('port_in_use', `${at} is in use by another program. Use another port.`, { cause: error })
  }
  const known: Record<string, string> = {
    EADDRNOTAVAIL: 'this machine has no such address. Use 127.0.0.1 for this machine alone, 0.0.0.0 for others too.',
    ENOTFOUND: `${host} is not a name of this machine. Use 127.0.0.1 for this machine alone, 0.0.0.0 for others too.`,
    EACCES: `the system does not allow port ${port}. Use one from 1024 up.`,
  }
  const why = known[error.code ?? ''] ?? error.message
  return new TetherError('bad_config', `cannot listen on ${at}: ${why}`, { cause: error })
}
