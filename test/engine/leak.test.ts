/** Loading, cancelling and closing engines again and again does not leak memory. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { loadEngine } from '../../src/engine/load.js'
import { checkpoint, collect, greedy } from '../support/checkpoints.js'

const CYCLES = 200

test(`a process that loads, cancels and closes engines ${CYCLES} times does not grow`, async () => {
  const cycle = async (i: number) => {
    const engine = await loadEngine(checkpoint('gemma4-a'))
    const controllers = [0, 1, 2].map(() => new AbortController())
    const running = controllers.map(({ signal }, n) =>
      collect(engine.generate(greedy([2, 5 + n, 7, 11 + (i % 50)], 200), signal)),
    )
    if (i % 3 === 0) await sleep(2)
    controllers[i % 3]?.abort()
    if (i % 2 === 0) controllers[(i + 1) % 3]?.abort()
    const ends = Promise.allSettled(running)
    await engine.close()
    for (const end of await ends)
      expect(end.status === 'rejected' ? end.reason.code : 'finish').toMatch(/closed|finish/)
  }
  // These create everything that is created once (threads of the BLAS, arenas of the allocator).
  for (let i = 0; i < CYCLES / 4; i++) await cycle(i)
  const before = process.memoryUsage().rss
  for (let i = 0; i < CYCLES; i++) await cycle(i)
  const grown = (process.memoryUsage().rss - before) / CYCLES
  // The weights and caches of one engine are more than 0.5 MB.
  expect(grown).toBeLessThan(96 * 1024)
})
