/** Messages between two processes of tether: a line of JSON each, over a socket that nobody else can open. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface Peer<In extends object, Out extends object> {
  send(message: Out): void
  /** Called with each message, in order; those that come while there is none are kept for it. */
  onMessage(listener: ((message: In) => void) | undefined): void
  /** Once the other side is gone, for whatever reason. */
  closed: Promise<void>
  /** What was sent still arrives. */
  end(): void
}

/** A report of a server with many clients has a few kilobytes. */
const longestLine = 4 * 2 ** 20

/** A line that is no JSON, or far too long, ends the connection: the other side is no tether. */
export function peerOn<In extends object, Out extends object>(socket: Socket): Peer<In, Out> {
  let text = ''
  let listener: ((message: In) => void) | undefined
  const waiting: In[] = []
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve())
  })
  // 'close' follows.
  socket.on('error', () => {})
  socket.setEncoding('utf8').on('data', (piece: unknown) => {
    const lines = `${text}${piece}`.split('\n')
    text = lines.pop() ?? ''
    const messages = text.length > longestLine ? undefined : parsed<In>(lines)
    if (!messages) socket.destroy()
    for (const message of messages ?? []) {
      if (listener) listener(message)
      else waiting.push(message)
    }
  })
  // What the other side does not close for good is of no use either.
  socket.once('end', () => socket.end())
  return {
    send(message) {
      if (socket.writable) socket.write(`${JSON.stringify(message)}\n`)
    },
    onMessage(next) {
      listener = next
      while (listener && waiting.length > 0) listener(waiting.shift() as In)
    },
    closed,
    end: () => void socket.end(),
  }
}

/** undefined: one of them is no JSON. */
function parsed<In>(lines: string[]): In[] | undefined {
  try {
    return lines.map((line) => JSON.parse(line) as In)
  } catch {
    return undefined
  }
}

/** Rejects if nobody listens there. */
export async function connectPeer<In extends object, Out extends object>(path: string): Promise<Peer<In, Out>> {
  const socket = connect(path)
  await once(socket, 'connect')
  return peerOn<In, Out>(socket)
}
