/** Limits how many requests wait or run at once, of all clients and of each. The engine decides their order. */
import { HttpError } from './http-error.js'

export interface Queue {
  /** Whether there is no place for this sender. */
  isFull(sender: string): boolean
  /** Takes a place. -> gives it back; safe to call twice. Throws `overloaded` where there is none for this sender. */
  enter(sender: string): () => void
}

/** Of the places that the others leave, a sender gets this share: the rest is for who comes next. */
const SHARE = 3 / 4

export function createQueue(most: number): Queue {
  const places = new Map<string, number>()
  let inside = 0
  const placesOf = (sender: string) => places.get(sender) ?? 0
  const isFull = (sender: string) => {
    const own = placesOf(sender)
    return own >= Math.ceil(SHARE * (most - (inside - own)))
  }
  const add = (sender: string, more: 1 | -1) => {
    inside += more
    const own = placesOf(sender) + more
    if (own > 0) places.set(sender, own)
    else places.delete(sender)
  }
  return {
    isFull,
    enter(sender) {
      if (isFull(sender)) throw new HttpError('overloaded', whyFull(inside, placesOf(sender)), { 'retry-after': '5' })
      add(sender, 1)
      let isInside = true
      return () => {
        if (isInside) add(sender, -1)
        isInside = false
      }
    },
  }
}

function whyFull(inside: number, own: number): string {
  if (own === 0) return `${inside} requests are already waiting (max_requests)`
  return `${inside} requests are already waiting, ${own} of them of this client (max_requests)`
}
