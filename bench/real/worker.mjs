// One program of llama.mjs in a process of its own: worker.mjs tether|llama MODEL SETTINGS [FOLDER]. Reads a request a line.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { prompt } from '../numbers.mjs'

// Ids below this are tokens of every vocabulary.
const TOKENS = 32_000

const [program, model, settings, folder] = process.argv.slice(2)
const { threads, context, sequences } = JSON.parse(settings)
const generate = await (program === 'tether' ? tether() : llama())

for await (const line of createInterface({ input: process.stdin })) {
  const { length, decode, seed } = JSON.parse(line)
  console.log(JSON.stringify({ ...(await measure(length, decode, seed)), ...memory() }))
}
process.exit()

/** Reads prompts and generates, all sequences at once; they count as decoding while all of them do. */
async function measure(length, decode, seed) {
  const counts = new Array(sequences).fill(0)
  const sum = () => counts.reduce((total, count) => total + count, 0)
  const began = now()
  let first
  let last
  const run = (at) =>
    generate(at, prompt(length, seed * sequences + at, TOKENS), decode, (count) => {
      counts[at] += count
      if (counts.every((each) => each > 0)) first ??= { ...now(), tokens: sum() }
      if (counts[at] === decode) last ??= { ...now(), tokens: sum() }
    })
  await Promise.all(counts.map((_, at) => run(at)))
  const took = (from, to, tokens) => ({ seconds: (to.wall - from.wall) / 1e3, cpu: (to.cpu - from.cpu) / 1e6, tokens })
  return { prefill: took(began, first, length * sequences), decode: took(first, last, last.tokens - first.tokens) }
}

function now() {
  const { user, system } = process.cpuUsage()
  return { wall: performance.now(), cpu: user + system }
}

/** In MiB. */
function memory() {
  return { rss: process.memoryUsage.rss() / 2 ** 20, peak: process.resourceUsage().maxRSS / 2 ** 10 }
}

async function tether() {
  const { loadNative } = await import('../../dist/engine/load.js')
  const { start } = await import('../request.mjs')
  const engine = await loadNative(model, { threads, maxContext: context, kvBits: 16 })
  return (_, tokens, decode, onTokens) => start(engine, tokens, decode, { onTokens }).done
}

async function llama() {
  const entry = createRequire(join(folder, 'package.json')).resolve('node-llama-cpp')
  const { getLlama } = await import(pathToFileURL(entry).href)
  const engine = await getLlama({
    build: 'never',
    skipDownload: true,
    gpu: false,
    maxThreads: threads,
    logLevel: 'error',
  })
  const loaded = await engine.loadModel({ modelPath: model, gpuLayers: 0 })
  const made = await loaded.createContext({ contextSize: context, sequences, threads })
  const checkpoints = { max: 0, interval: false }
  const all = Array.from({ length: sequences }, () => made.getSequence({ checkpoints }))
  return async (at, tokens, decode, onTokens) => {
    await all[at].clearHistory()
    let count = 0
    // As tether here, it does not end where the model would.
    for await (const _ of all[at].evaluate([...tokens], { temperature: 0, yieldEogToken: true })) {
      onTokens(1)
      if (++count === decode) return
    }
  }
}
