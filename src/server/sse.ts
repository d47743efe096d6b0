/** Events to the bytes of an event stream, with pings in silence. */
import { ReadableStream, type ReadableStreamDefaultController } from 'node:stream/web'
import { toFault } from '../errors.js'
import type { Protocol } from '../turn/protocol.js'
import { within } from '../within.js'
import { whyFailed } from './closing.js'

export interface SseOptions<Event> {
  protocol: Pick<Protocol<Event>, 'encode' | 'encodeFault' | 'faultAnswer' | 'ping'>
  /** Silence, in milliseconds, after which a ping is sent. */
  pingMs: number
  requestId: string
  /** Of the request. */
  signal: AbortSignal
  /** Called when the reader leaves. It has to end the source of the events. */
  leave: () => void
}

/**
 * One event a read: a slow reader holds back the events behind it.
 * There is no second status after the first byte. A retryable error cuts the stream off, and clients stream again; after
 * an error event Claude Code repeats the request without streaming.
 */
export function sse<Event>(
  events: AsyncGenerator<Event, void, undefined>,
  { protocol, pingMs, requestId, signal, leave }: SseOptions<Event>,
): ReadableStream<Uint8Array> {
  const send = (controller: ReadableStreamDefaultController<Uint8Array>, text: string) =>
    controller.enqueue(Buffer.from(text))
  let sent = 0
  let next: Promise<Next<Event>> | undefined
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        next ??= settle(events.next())
        const item = await within(pingMs, next)
        if (!item) return send(controller, protocol.ping)
        next = undefined
        if ('error' in item) {
          const error = whyFailed(item.error, signal)
          const fault = toFault(error)
          if (protocol.faultAnswer(fault, requestId).canRetry) return controller.error(error)
          send(controller, protocol.encodeFault(fault, requestId, sent))
          return controller.close()
        }
        if (item.done) return controller.close()
        sent++
        send(controller, protocol.encode(item.value))
      },
      async cancel() {
        leave()
        await events.return()
      },
    },
    { highWaterMark: 0 },
  )
}

type Next<Event> = IteratorResult<Event, void> | { error: unknown }

/** The next event may fail while a ping is sent and nothing awaits it, so a failure is a value until it is read. */
function settle<Event>(next: Promise<IteratorResult<Event, void>>): Promise<Next<Event>> {
  return next.catch((error: unknown) => ({ error }))
}
