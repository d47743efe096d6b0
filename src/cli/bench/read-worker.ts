/** A thread that reads memory of its own again and again, and says how fast. */
import { parentPort, workerData } from 'node:worker_threads'

const { bytes, ms } = workerData as { bytes: number; ms: number }
// Filled, so that each page is there. A search for a byte that does not occur is the fastest read that JavaScript has.
const block = Buffer.alloc(bytes, 1)
parentPort?.on('message', () => {
  const started = performance.now()
  let rounds = 0
  while (performance.now() - started < ms) {
    if (block.indexOf(2) !== -1) throw new Error('the memory has changed')
    rounds++
  }
  parentPort?.postMessage((rounds * bytes) / ((performance.now() - started) / 1000))
})
parentPort?.postMessage('ready')
