/** One request of node:http as a Request, and the Response written to its socket. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { messageOf } from '../errors.js'
import type { App } from './app.js'
import { type LogLine, tell } from './log.js'

/** A request that is being answered. It holds the Request, since Node keeps only a weak reference to its signal. */
export interface Exchange {
  outgoing: ServerResponse
  request?: Request
  leave: AbortController
  done: Promise<void>
  /** Once its last byte is sent, or its client is gone. */
  sent: Promise<void>
}

/** Connections whose client was told that they are closed. */
const ending = new WeakSet<Socket>()

/** Whether this request comes behind an answer that is the last on its connection. Node cannot answer it there, and fails if told to. */
export function isTooLate({ socket }: IncomingMessage): boolean {
  return ending.has(socket)
}

/** What is still sent after the answer is read up to here, since closing at once would reset the connection. */
const DISCARD_BYTES = 64 * 2 ** 20
const DISCARD_MS = 5000

export interface Serving {
  exchange: Exchange
  /** Resolves when the request may begin. */
  arrival: Promise<void>
  /** Called when the last byte is sent or the client is gone. */
  onLog?: (line: LogLine) => void
}

/** Answers a request. Never rejects. */
export async function serveOne(
  app: App,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { exchange, arrival, onLog }: Serving,
): Promise<void> {
  const started = performance.now()
  const line: LogLine = { method: incoming.method ?? '', path: pathOf(incoming), status: 499, ms: 0 }
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) exchange.leave.abort()
    const isSent = outgoing.headersSent && (outgoing.socket !== null || outgoing.writableFinished)
    if (isSent) line.status = outgoing.statusCode
    line.ms = Math.round(performance.now() - started)
    tell(() => onLog?.(line))
  })
  try {
    await arrival
    if (outgoing.destroyed) throw new Error('the client left')
    const request = toRequest(incoming, outgoing, exchange.leave.signal)
    exchange.request = request
    await send(await app(request, line), incoming, outgoing)
  } catch (error) {
    // The status has been sent, so closing the connection is all that is left. A client that left ends up here too.
    line.error ??= messageOf(error)
    outgoing.destroy()
  }
}

/** Ends an answer that waits behind another on a connection that is closed, of which Node tells only the first. */
export function endUnsent({ outgoing }: Exchange): void {
  if (outgoing.socket || outgoing.destroyed) return
  outgoing.destroy()
  outgoing.emit('close')
}

/**
 * Repeated headers are joined, as in the Fetch standard. A Request can have no TRACE and no CONNECT, and a target may be
 * no URL: both become a request that no route has.
 */
function toRequest(incoming: IncomingMessage, outgoing: ServerResponse, signal: AbortSignal): Request {
  const { method: asked = 'GET', rawHeaders } = incoming
  // A target with a host of its own counts before the Host header: the app checks both.
  const place = /^https?:\/\/[^/?#]*/i.exec(incoming.url ?? '')?.[0] ?? 'http://127.0.0.1'
  const path = pathOf(incoming)
  // A Request can have no name of a user in its URL either.
  const isUrl = URL.canParse(place + path) && !place.includes('@')
  const query = /\?[^#]*/.exec(incoming.url ?? '')?.[0] ?? ''
  const url = isUrl ? place + path + query : `http://127.0.0.1/${encodeURIComponent(path)}`
  const method = asked === 'TRACE' || asked === 'CONNECT' ? `X-${asked}` : asked
  const headers = new Headers()
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    headers.append(rawHeaders[i] as string, rawHeaders[i + 1] as string)
  if (method === 'GET' || method === 'HEAD') return new Request(url, { method, headers, signal })
  return new Request(url, { method, headers, signal, body: bodyOf(incoming, outgoing), duplex: 'half' })
}

/** Without the query, which may hold anything. Always begins with a slash. */
function pathOf(incoming: IncomingMessage): string {
  const target = incoming.url ?? '/'
  const path = /^(?:https?:\/\/[^/?#]*)?([^?#]*)/i.exec(target)?.[1] ?? ''
  return path.startsWith('/') ? path : `/${path}`
}

/** Reads a piece when it is asked for one. Cancelling it leaves the connection open, so that it can be answered. */
function bodyOf(incoming: IncomingMessage, outgoing: ServerResponse): ReadableStream<Uint8Array> {
  let isOpen = true
  let awaited = incoming.headers.expect !== undefined
  const ends = (end: () => void) => () => {
    if (isOpen) end()
    isOpen = false
  }
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        incoming.on('data', (piece: Uint8Array) => {
          if (!isOpen) return
          controller.enqueue(piece)
          if ((controller.desiredSize ?? 0) <= 0) incoming.pause()
        })
        incoming.pause()
        incoming.once(
          'end',
          ends(() => controller.close()),
        )
        incoming.once(
          'close',
          ends(() => controller.error(new Error('the client left'))),
        )
        // `close` follows.
        incoming.on('error', () => {})
      },
      pull() {
        // Only now, so that a body that is refused unread is never sent.
        if (awaited) outgoing.writeContinue()
        awaited = false
        incoming.resume()
      },
      cancel() {
        isOpen = false
      },
    },
    { highWaterMark: 0 },
  )
}

/** Reads the next piece only when the last one is written. A body that fails closes the connection. */
async function send(response: Response, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const headers = [...response.headers].flat()
  const isLeft = !incoming.complete
  if (isLeft) headers.push('connection', 'close')
  if (isLeft || response.headers.get('connection') === 'close') ending.add(incoming.socket)
  outgoing.writeHead(response.status, headers)
  if (response.body) await pump(response.body, outgoing)
  else outgoing.flushHeaders()
  if (isLeft && !outgoing.destroyed) await discard(incoming)
  outgoing.end()
  // What is left of a small body would hold up the next request.
  incoming.removeAllListeners('data').resume()
}

async function pump(body: ReadableStream<Uint8Array>, outgoing: ServerResponse): Promise<void> {
  outgoing.flushHeaders()
  const reader = body.getReader()
  const leave = () => void reader.cancel().catch((error: unknown) => outgoing.destroy(error as Error))
  outgoing.once('close', leave)
  if (outgoing.destroyed) leave()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    if (!outgoing.write(value)) await writable(outgoing)
  }
}

/** Reads what still comes and keeps nothing of it. */
function discard(incoming: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0
    const timer = setTimeout(resolve, DISCARD_MS)
    const done = () => {
      clearTimeout(timer)
      resolve()
    }
    incoming.removeAllListeners('data').on('data', (piece: Uint8Array) => {
      bytes += piece.byteLength
      if (bytes > DISCARD_BYTES) done()
    })
    incoming.once('end', done)
    incoming.once('close', done)
    incoming.resume()
  })
}

/** Also resolves when the client is gone; the next read then fails. */
function writable(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (outgoing.destroyed || !outgoing.writableNeedDrain) return resolve()
    const go = () => {
      outgoing.off('drain', go)
      outgoing.off('close', go)
      resolve()
    }
    outgoing.on('drain', go)
    outgoing.on('close', go)
  })
}
