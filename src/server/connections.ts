/** Bounds how many connections are open: those above get 429, and those far above are closed at once. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { App } from './app.js'
import { HttpError } from './http-error.js'

export interface ConnectionLimit {
  opened(socket: Socket): void
  /** Whether it was opened, and not closed since. */
  isOpen(socket: Socket): boolean
  isOver(socket: Socket): boolean
  /** Counts a request on the connection until its answer is over. -> false: it has too many already */
  begin(socket: Socket, outgoing: ServerResponse): boolean
  /** An app that answers 429, but to who asks for health. */
  refusing(app: App): App
}

/** Requests that a connection may have at once. Clients that send one before the last is answered are rare, and send a few. */
export const MOST_AT_ONCE = 100

/** Connections above the limit that still get an answer. */
export const SPARE_CONNECTIONS = 256

export function connectionLimit(most: number): ConnectionLimit {
  const open = new Set<Socket>()
  const over = new WeakSet<Socket>()
  const running = new WeakMap<Socket, number>()
  const message = `${most} connections are open already (max_connections)`
  const fault = new HttpError('overloaded', message, { 'retry-after': '1', connection: 'close' })
  return {
    opened(socket) {
      if (open.size >= most) over.add(socket)
      open.add(socket)
      socket.once('close', () => open.delete(socket))
    },
    isOpen: (socket) => open.has(socket),
    isOver: (socket) => over.has(socket),
    begin(socket, outgoing) {
      const before = running.get(socket) ?? 0
      if (before >= MOST_AT_ONCE) return false
      running.set(socket, before + 1)
      outgoing.once('close', () => running.set(socket, (running.get(socket) ?? 1) - 1))
      return true
    },
    refusing: (app) => (request, line) =>
      app(request, line, new URL(request.url).pathname === '/health' ? undefined : fault),
  }
}
