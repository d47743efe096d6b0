/** Bounds how many connections are open: those above get 429, and those far above are closed at once. */
import type { Socket } from 'node:net'
import type { App } from './app.js'
import { HttpError } from './http-error.js'

export interface ConnectionLimit {
  opened(socket: Socket): void
  /** Whether it was opened, and not closed since. */
  isOpen(socket: Socket): boolean
  isOver(socket: Socket): boolean
  /** An app that answers 429, but to who asks for health. */
  refusing(app: App): App
}

/** Connections above the limit that still get an answer. */
export const SPARE_CONNECTIONS = 256

export function connectionLimit(most: number): ConnectionLimit {
  const open = new Set<Socket>()
  const over = new WeakSet<Socket>()
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
    refusing: (app) => (request, line) =>
      app(request, line, new URL(request.url).pathname === '/health' ? undefined : fault),
  }
}
