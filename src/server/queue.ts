/** Limits how many requests wait or run at once. The engine decides their order. */
import { HttpError } from './http-error.js'

export interface Queue {
  isFull(): boolean
  /** Takes a place. -> gives it back; safe to call twice. Throws `overloaded` when too many requests wait or run. */
  enter(): () => void
}

export function createQueue(most: number): Queue {
  let inside = 0
  return {
    isFull: () => inside >= most,
    enter() {
      if (inside >= most) {
        throw new HttpError('overloaded', `${inside} requests are already waiting`, { 'retry-after': '5' })
      }
      inside++
      let isInside = true
      return () => {
        if (isInside) inside--
        isInside = false
      }
    },
  }
}
