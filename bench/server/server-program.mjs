// tether's server on the demo model, with its own engine or one that computes nothing, and what it costs this process.
import { loadModel } from '../../dist/index.js'
import { serve } from '../../dist/server/serve.js'
import { fakeEngine } from './fake-engine.mjs'
import { answerParent } from './program.mjs'

const { isFake = true, ...options } = JSON.parse(process.argv[2])
const model = await loadModel('demo')
const { engine: real } = model.turns
const fake = fakeEngine(real.info, model.tokenizer)
/** Milliseconds that each generation took, by performance.now(). */
const generations = []
let lines = 0

/** Generates as the engine does, and notes how long that took, also where its reader is slower. */
async function* timed(request, signal) {
  const began = performance.now()
  for await (const batch of real.generate(request, signal)) {
    if (batch.finish) generations.push(performance.now() - began)
    yield batch
  }
}

const engine = isFake ? fake : { info: real.info, generate: timed }
const stats = () => ({ ...model.stats(), ...(isFake ? { live: fake.live() } : {}) })
const server = await serve(
  { ...model, stats, turns: { ...model.turns, engine } },
  { port: 0, maxRequests: 128, ...options, onLog: () => lines++ },
)

/** Bytes of memory, sampled since the last question. */
let memory = []
setInterval(() => memory.push(process.memoryUsage.rss()), 100).unref()

answerParent(
  { url: server.url, port: server.port },
  {
    /** CPU time in microseconds, requests that are over, memory and generations since the last question. */
    cost() {
      const { user, system } = process.cpuUsage()
      const answer = { cpu: user + system, lines, memory, generations: [...generations], live: stats().live }
      memory = []
      generations.length = 0
      return answer
    },
  },
)
