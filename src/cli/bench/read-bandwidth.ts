/** How fast this machine reads its memory, which bounds how fast a model writes: each token reads the weights once. */
import { once } from 'node:events'
import { availableParallelism, cpus } from 'node:os'
import { Worker } from 'node:worker_threads'

export interface Bandwidth {
  bytesPerSecond: number
  /** `specification`: of a chip whose GPU reads faster than its processors can be seen to. */
  source: 'measured' | 'specification'
}

/** GB/s, by Apple's specifications of the chip; of those with two the larger. */
const appleChips: Record<string, number> = {
  'Apple M1 Ultra': 800,
  'Apple M2 Pro': 200,
  'Apple M3 Ultra': 819,
  'Apple M4': 120,
  'Apple M4 Pro': 273,
  'Apple M4 Max': 546,
  'Apple M5': 153,
  'Apple M5 Max': 614,
}

/** All threads together: more than any processor's caches hold. */
const totalBytes = 512 * 2 ** 20
const mostThreads = 16
const passes = 4
const passMs = 100

/** Takes half a second. `chip`: tests name one. */
export async function readBandwidth(chip = cpus()[0]?.model ?? '', ms = passMs): Promise<Bandwidth> {
  const stated = appleChips[chip.trim()]
  if (stated !== undefined) return { bytesPerSecond: stated * 1e9, source: 'specification' }
  const threads = Math.min(mostThreads, availableParallelism())
  const workerData = { bytes: Math.floor(totalBytes / threads), ms }
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL('./read-worker.js', import.meta.url), { workerData }),
  )
  try {
    await Promise.all(workers.map((worker) => once(worker, 'message')))
    let best = 0
    // What else runs takes from it: the best of a few counts.
    for (let pass = 0; pass < passes; pass++) best = Math.max(best, await readTogether(workers))
    return { bytesPerSecond: best, source: 'measured' }
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()))
  }
}

/** All at once: they share the bandwidth. */
async function readTogether(workers: Worker[]): Promise<number> {
  const speeds = await Promise.all(
    workers.map(async (worker) => {
      worker.postMessage('go')
      const [speed] = (await once(worker, 'message')) as [number]
      return speed
    }),
  )
  return speeds.reduce((sum, speed) => sum + speed, 0)
}
