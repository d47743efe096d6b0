/** HTTP as bytes on a socket, for what no client library sends. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface RawConnection {
  socket: Socket
  /** What has come so far. */
  text(): string
  /** Resolves once something matches, or the server has closed the connection. -> what has come */
  until(pattern: RegExp): Promise<string>
  /** Writes `count` times, waiting where the socket is full. Stops once the connection is closed. -> how many were written */
  flood(piece: string | Uint8Array, count: number): Promise<number>
}

/** Connects and sends these bytes. The connection is closed when the test ends. */
export async function openRaw(port: number, bytes: string): Promise<RawConnection> {
  let text = ''
  const waiting = new Set<() => void>()
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  const wake = () => {
    for (const check of waiting) check()
  }
  socket.setEncoding('utf8').on('data', (data) => {
    text += data
    wake()
  })
  // A reset ends the connection like any other end.
  socket.on('error', () => {}).on('close', wake)
  await new Promise((resolve) => socket.once('connect', resolve))
  socket.write(bytes)
  return {
    socket,
    text: () => text,
    until: (pattern) =>
      new Promise((resolve) => {
        const check = () => {
          if (!pattern.test(text) && !socket.closed) return
          waiting.delete(check)
          resolve(text)
        }
        waiting.add(check)
        check()
      }),
    async flood(piece, count) {
      let written = 0
      for (; written < count && !socket.destroyed; written++) {
        if (socket.write(piece)) continue
        // Until both are over, or listeners pile up.
        const over = new AbortController()
        const { signal } = over
        await Promise.race([once(socket, 'drain', { signal }), once(socket, 'close', { signal })]).catch(() => {})
        over.abort()
      }
      return written
    },
  }
}

/** What a socket gets back for these bytes, until the server closes the connection. */
export async function raw(port: number, bytes: string): Promise<string> {
  return (await openRaw(port, bytes)).until(/(?!)/)
}

/** The head of a POST, without what comes after. */
export function post(path: string, headers: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${headers}\r\n\r\n`
}
