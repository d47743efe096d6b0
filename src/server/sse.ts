/** Events to the bytes of an event stream, with pings in silence. */
import { ReadableStream } from 'node:stream/web'
import { canRetry, errorBody, toFault } from '../anthropic/errors.js'
import type { MessageEvent } from '../anthropic/types.js'

export interface SseOptions {
  /** Silence, in milliseconds, after which a ping is sent. */
  pingMs: number
  requestId: string
  /** Called when the reader leaves. It has to end the source of the events. */
  leave: () => void
}

const PING = encode({ type: 'ping' })

/**
 * One event a read: a slow reader holds back the events behind it.
 * There is no second status after the first byte. A fault that a retry can mend breaks the stream off, which makes
 * clients stream again; after `event: error` Claude Code asks for the whole answer anew without streaming.
 */
export function sse(
  first: MessageEvent,
  rest: AsyncGenerator<MessageEvent, void, undefined>,
  { pingMs, requestId, leave }: SseOptions,
): ReadableStream<Uint8Array> {
  let next: Promise<Next> | undefined = Promise.resolve({ done: false, value: first })
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        next ??= settle(rest.next())
        const item = await within(next, pingMs)
        if (!item) return controller.enqueue(PING)
        next = undefined
        if ('error' in item) {
          const { code, message } = toFault(item.error)
          if (canRetry(code)) return controller.error(item.error)
          controller.enqueue(encode(errorBody(code, message, requestId)))
          return controller.close()
        }
        if (item.done) return controller.close()
        controller.enqueue(encode(item.value))
      },
      async cancel() {
        leave()
        await rest.return()
      },
    },
    { highWaterMark: 0 },
  )
}

type Next = IteratorResult<MessageEvent, void> | { error: unknown }

/** The next event may fail while a ping is sent and nothing awaits it, so a failure is a value until it is read. */
function settle(next: Promise<IteratorResult<MessageEvent, void>>): Promise<Next> {
  return next.catch((error: unknown) => ({ error }))
}

/** undefined: it took longer. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Clients go by the `event:` line and ignore events without one. */
function encode(event: { type: string }): Uint8Array {
  return Buffer.from(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
}
