/** Limits how many requests wait or run at once. The engine decides their order. */
import { HttpError } from './http-error.js'

export interface Queue {
  isFull(): boolean
  /** Passes items on. Throws `overloaded` instead of the first when too many requests wait or run. */
  admit<T>(events: AsyncIterable<T>): AsyncGenerator<T, void, undefined>
}

export function createQueue(most: number): Queue {
  let inside = 0
  return {
    isFull: () => inside >= most,
    async *admit(events) {
      if (inside >= most) {
        throw new HttpError('overloaded', `${inside} requests are already waiting`, { 'retry-after': '5' })
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
