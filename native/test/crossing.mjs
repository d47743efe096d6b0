// Calls between JavaScript and the engine thread, in any order, under ThreadSanitizer. JavaScript, since it needs the
// addon; only scripts/sanitize.mjs runs it.
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isMainThread, Worker } from 'node:worker_threads'
import { loadEngine } from '../../dist/engine/load.js'
import { plainSampling } from '../../dist/options.js'

const CYCLES = 30
const checkpoint = fileURLToPath(new URL('../../test/fixtures/checkpoints/gemma4-a', import.meta.url))

function request(first) {
  const sampling = { ...plainSampling, temperature: 0 }
  return { prompt: Int32Array.of(2, first, 7, 11), maxTokens: 100, stopTokens: new Int32Array(0), ...sampling }
}

async function read(batches) {
  let finish
  for await (const batch of batches) finish = batch.finish
  return finish.reason
}

/** Three requests, a score and a close at some moment of them. -> how each of the requests ended */
async function cycle(i) {
  const engine = await loadEngine(checkpoint, { onProgress: () => {} })
  const controllers = [0, 1, 2].map(() => new AbortController())
  const running = controllers.map(({ signal }, n) => read(engine.generate(request(5 + n + i), signal)))
  const score = engine.score(Int32Array.of(2, 5, 7))
  const ends = Promise.allSettled([...running, score])
  if (i % 3 === 0) await sleep(i)
  engine.stats()
  controllers[i % 3].abort()
  if (i % 4 === 0) await ends
  await engine.close()
  return (await ends).map((end) => (end.status === 'fulfilled' ? 'finished' : end.reason.code))
}

if (!isMainThread) {
  for (let i = 0; ; i++) await cycle(i)
}

for (let i = 0; i < CYCLES; i++) {
  for (const end of await cycle(i)) {
    if (end !== 'finished' && end !== 'closed') throw new Error(`a request ended with ${end}`)
  }
}
for (let i = 0; i < 5; i++) {
  const worker = new Worker(new URL(import.meta.url))
  await sleep(150 + 40 * i)
  await worker.terminate()
}
console.log('ok')
