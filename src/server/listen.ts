/** node:http under the app: connections, their limits, and what comes on them that is no HTTP. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { TetherError } from '../errors.js'
import type { Limits } from '../limits.js'
import type { App } from './app.js'
import { connectionLimit } from './connections.js'
import { type Exchange, serveOne } from './exchange.js'
import type { LogLine } from './log.js'
import { refuseRaw } from './raw-refusal.js'

export interface ListenOptions {
  host: string
  /** 0: any free one. */
  port: number
  limits: Pick<Limits, 'maxHeaders' | 'maxConnections' | 'headersTimeout' | 'idleTimeout'>
  /** Called once for every request, when its last byte is sent or its client is gone. */
  onLog?: (line: LogLine) => void
}

export interface Listener {
  port: number
  /** Accepts no more requests, ends those that run, and waits until they are gone. Safe to call twice. */
  close(): Promise<void>
}

/** Throws `port_in_use`, or `bad_config` for an address that cannot be listened on. */
export async function listen(app: App, { host, port, limits, onLog }: ListenOptions): Promise<Listener> {
  const exchanges = new Set<Exchange>()
  const connections = connectionLimit(limits.maxConnections)
  const serve = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const exchange: Exchange = { leave: new AbortController(), done: Promise.resolve() }
    exchanges.add(exchange)
    const answering = connections.isOver(incoming.socket) ? connections.refusing(app) : app
    exchange.done = serveOne(answering, incoming, outgoing, exchange, onLog).finally(() => exchanges.delete(exchange))
  }
  const server = createServer(
    {
      maxHeaderSize: limits.maxHeaders,
      headersTimeout: limits.headersTimeout * 1000,
      // A body has a time of its own, and an answer may take an hour.
      requestTimeout: 0,
      keepAliveTimeout: limits.idleTimeout * 1000,
      connectionsCheckingInterval: 1000,
      // The app refuses a request without a Host, and says so in the protocol's shape.
      requireHostHeader: false,
    },
    serve,
  )
  // Without these listeners Node answers by itself, without a body.
  server.on('checkContinue', serve)
  server.on('checkExpectation', serve)
  server.on('connection', connections.opened)
  server.on('clientError', (error, socket) => refuseRaw(error as NodeJS.ErrnoException, socket as Socket, limits))
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
    for (const { leave } of running) leave.abort()
    server.closeAllConnections()
    await closed
    await Promise.all(running.map(({ done }) => done))
  }
  let closing: Promise<void> | undefined
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      closing ??= shut()
      return closing
    },
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
