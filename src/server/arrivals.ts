/**
 * The order in which requests begin that come at once: one that is here whole before those whose bodies are still on their
 * way. Hundreds of slow clients that come together do not hold up a quick one.
 */
import type { IncomingMessage } from 'node:http'

interface Arrived {
  incoming: Pick<IncomingMessage, 'complete'>
  begin: () => void
}

/** -> resolves when the request may begin: within a turn of the event loop, or one of the others a turn */
export function createArrivals(): (incoming: Arrived['incoming']) => Promise<void> {
  let arrived: Arrived[] = []
  const unfinished: Arrived[] = []
  let isSet = false
  const turn = () => {
    const now = arrived
    arrived = []
    for (const one of now) {
      if (one.incoming.complete) one.begin()
      else unfinished.push(one)
    }
    unfinished.shift()?.begin()
    isSet = unfinished.length > 0
    if (isSet) setImmediate(turn)
  }
  return (incoming) =>
    new Promise((begin) => {
      arrived.push({ incoming, begin })
      if (!isSet) setImmediate(turn)
      isSet = true
    })
}
