// A program for replay.mjs: tether's server, which tells its parent the prompt and the answer of each generation in
// tokens, and answers questions about its engine.
import { openModel } from '../../dist/model/load.js'
import { plainSampling } from '../../dist/options.js'
import { serve } from '../../dist/server/serve.js'

const { model: folder, ...options } = JSON.parse(process.argv[2])
const model = await openModel(folder, options)
const { engine } = model.turns
let count = 0

/** Generates as the engine does. The parent hears of the prompt first. */
async function* watched(request, signal) {
  const id = count++
  const tokens = []
  process.send({ began: id, prompt: request.prompt })
  for await (const batch of engine.generate(request, signal)) {
    tokens.push(...batch.tokens)
    if (batch.finish) process.send({ ended: id, tokens: Int32Array.from(tokens), finish: batch.finish })
    yield batch
  }
}

/** Raw tokens to one greedy token. -> its delay in milliseconds, and the finish */
async function first({ prompt }) {
  const began = performance.now()
  let delay
  const request = { ...plainSampling, temperature: 0, prompt, maxTokens: 1, stopTokens: new Int32Array(0) }
  for await (const { tokens, finish } of engine.generate(request)) {
    if (tokens.length > 0) delay ??= performance.now() - began
    if (finish) return { delay, finish }
  }
}

const answers = {
  first,
  stats: () => ({ ...model.stats(), rss: process.memoryUsage().rss }),
  prefetch: ({ prompt }) => engine.prefetch(prompt),
}

process.on('message', async ({ question, id, ...rest }) => {
  try {
    process.send({ id, answer: await answers[question](rest) })
  } catch (error) {
    process.send({ id, fault: error.message })
  }
})
process.on('disconnect', () => process.exit())

const turns = { ...model.turns, engine: { ...engine, generate: watched } }
const server = await serve({ ...model, turns }, { port: 0 })
process.send({ ready: server.url, info: model.info })
