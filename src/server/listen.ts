/** node:http under the web's types: a socket's request becomes a Request, and the Response is written to the socket. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { TetherError } from '../errors.js'
import type { App } from './app.js'
import type { LogLine } from './log.js'

export interface ListenOptions {
  host: string
  /** 0: any free one. */
  port: number
  /** Called once for every request, when its last byte is sent or its client is gone. */
  onLog?: (line: LogLine) => void
}

export interface Listener {
  port: number
  /** Accepts no more requests, ends those that run, and waits until they are gone. Safe to call twice. */
  close(): Promise<void>
}

/** A request that is being answered. It holds the Request, since Node keeps only a weak reference to its signal. */
interface Exchange {
  request?: Request
  leave: AbortController
  done: Promise<void>
}

/** Throws `port_in_use`, or `bad_config` for an address that cannot be listened on. */
export async function listen(app: App, { host, port, onLog }: ListenOptions): Promise<Listener> {
  const exchanges = new Set<Exchange>()
  const server = createServer((incoming, outgoing) => {
    const exchange: Exchange = { leave: new AbortController(), done: Promise.resolve() }
    exchanges.add(exchange)
    exchange.done = serveOne(app, incoming, outgoing, exchange, onLog).finally(() => exchanges.delete(exchange))
  })
  // A body may come slowly and an answer may take an hour. Only a connection that never sends its headers is closed.
  server.requestTimeout = 0
  server.headersTimeout = 60_000
  server.keepAliveTimeout = 75_000

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

/** Never rejects. */
async function serveOne(
  app: App,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  exchange: Exchange,
  onLog?: (line: LogLine) => void,
): Promise<void> {
  const started = performance.now()
  const line: LogLine = { method: incoming.method ?? '', path: pathOf(incoming), status: 499, ms: 0 }
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) exchange.leave.abort()
    if (outgoing.headersSent) line.status = outgoing.statusCode
    line.ms = Math.round(performance.now() - started)
    onLog?.(line)
  })
  try {
    const request = toRequest(incoming, exchange.leave.signal)
    if (!request) {
      outgoing.writeHead(400).end()
      return
    }
    exchange.request = request
    await send(await app(request, line), outgoing)
  } catch (error) {
    // The status has been sent, so closing the connection is all that is left. A client that left ends up here too.
    line.error ??= error instanceof Error ? error.message : String(error)
    outgoing.destroy()
  }
}

/** undefined for a target or method that no Request can have. Repeated headers are joined, as in the Fetch standard. */
function toRequest(incoming: IncomingMessage, signal: AbortSignal): Request | undefined {
  const url = `http://${incoming.socket.localAddress?.includes(':') ? '[::1]' : '127.0.0.1'}${pathOf(incoming)}`
  const { method = 'GET', rawHeaders } = incoming
  if (!URL.canParse(url) || method === 'TRACE' || method === 'CONNECT') return undefined
  const headers = new Headers()
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    headers.append(rawHeaders[i] as string, rawHeaders[i + 1] as string)
  if (method === 'GET' || method === 'HEAD') return new Request(url, { method, headers, signal })
  return new Request(url, { method, headers, signal, body: incoming, duplex: 'half' })
}

/** Without the query, which no route reads. Always begins with a slash. */
function pathOf(incoming: IncomingMessage): string {
  const target = incoming.url ?? '/'
  const path = /^(?:https?:\/\/[^/?#]*)?([^?#]*)/i.exec(target)?.[1] ?? ''
  return path.startsWith('/') ? path : `/${path}`
}

/** Reads the next piece only when the last one is written. A body that fails closes the connection. */
async function send(response: Response, outgoing: ServerResponse): Promise<void> {
  outgoing.writeHead(response.status, [...response.headers].flat())
  if (!response.body) {
    outgoing.end()
    return
  }
  outgoing.flushHeaders()
  const reader = response.body.getReader()
  const leave = () => void reader.cancel().catch((error: unknown) => outgoing.destroy(error as Error))
  outgoing.once('close', leave)
  if (outgoing.closed) leave()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    if (!outgoing.write(value)) await writable(outgoing)
  }
  outgoing.end()
}

/** Also resolves when the client is gone; the next read then fails. */
function writable(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (outgoing.closed || !outgoing.writableNeedDrain) return resolve()
    const go = () => {
      outgoing.off('drain', go)
      outgoing.off('close', go)
      resolve()
    }
    outgoing.on('drain', go)
    outgoing.on('close', go)
  })
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
