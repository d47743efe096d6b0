/** Bounds how many requests are in at once. Their order is the engine's affair. */
import { HttpError } from './http-error.js'

export interface Queue {
  /** Passes events on. The first of them is an `overloaded` error when too many requests are in. */
  admit<T>(events: AsyncIterable<T>): AsyncGenerator<T, void, undefined>
}

export function createQueue(most: number): Queue {
  let inside = 0
  return {
    async *admit(events) {
      if (inside >= most) {
        throw new HttpError('overloaded', `${inside} requests are waiting already`, { 'retry-after': '5' })
      }
      inside++
      try {
        yield* events
      } finally {
        inside--
      }
    },
  }
}
