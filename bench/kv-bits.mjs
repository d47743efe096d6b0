// Measures what a KV cache in 16, 8 or 4 bits costs: perplexity, KL divergence, memory, speed.
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { chatFamily } from '../dist/chat/families.js'
import { readTemplate } from '../dist/chat/templates/read-template.js'
import { loadTokenizer } from '../dist/chat/tokenizer/load.js'
import { loadNative } from '../dist/engine/load.js'
import { conversation } from './conversations.mjs'
import { compareSpeed, perplexity } from './costs.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: join(root, 'demo/model') },
    text: { type: 'string' },
    tokens: { type: 'string', default: '10000' },
    prompt: { type: 'string', default: '2048' },
    decode: { type: 'string', default: '128' },
    runs: { type: 'string', default: '7' },
    help: { type: 'boolean', default: false },
  },
})

const HELP = `npm run bench:kv -- [options]
  --model PATH    checkpoint (demo/model)
  --text FILE     text to measure on (default: conversations for the demo model, and tether's documentation)
  --tokens 10000  at most so many tokens of text, at least so many of conversations; 0: skip both
  --prompt 2048   tokens of the prompt that is timed
  --decode 128    tokens to generate
  --runs 7        timed pairs; 0: skip timing`

const BITS = [32, 16, 8, 4]

async function texts({ modelType }) {
  const most = Number(options.tokens)
  if (most === 0) return []
  const tokenizer = await loadTokenizer(options.model)
  const plain = (text) =>
    Int32Array.from([...tokenizer.prefix, ...tokenizer.encode(text, { special: false })]).subarray(0, most)
  if (options.text) return [{ name: options.text, tokens: plain(readFileSync(options.text, 'utf8')) }]
  const template = await readTemplate(options.model, tokenizer.controls)
  const { family } = chatFamily({ modelType, has: (token) => tokenizer.controls.includes(token), template })
  const pages = ['README.md', 'CONTRIBUTING.md', 'docs/architecture.md', 'docs/library.md', 'docs/launch.md']
  const text = pages.map((page) => readFileSync(join(root, page), 'utf8')).join('\n')
  return [
    { name: 'conversations', ...conversation({ family, tokenizer }, { least: most, seed: 1 }) },
    { name: "tether's own pages", tokens: plain(text) },
  ]
}

/** The log-probability of each entry of a row of logits. */
function logSoftmax(row) {
  const top = row.reduce((a, b) => Math.max(a, b))
  const log = top + Math.log(row.reduce((sum, logit) => sum + Math.exp(logit - top), 0))
  return row.map((logit) => logit - log)
}

/** Mean and maximum of KL(p || q) in nats per token, and how often both have the same likeliest token. */
function compare(wanted, given, vocab) {
  let sum = 0
  let most = 0
  let same = 0
  const rows = wanted.length / vocab
  for (let i = 0; i < rows; i++) {
    const p = logSoftmax(Float64Array.from(wanted.subarray(i * vocab, (i + 1) * vocab)))
    const q = logSoftmax(Float64Array.from(given.subarray(i * vocab, (i + 1) * vocab)))
    const kl = p.reduce((total, log, at) => total + Math.exp(log) * (log - q[at]), 0)
    sum += kl
    most = Math.max(most, kl)
    if (p.indexOf(Math.max(...p)) === q.indexOf(Math.max(...q))) same++
  }
  return { mean: sum / rows, most, same: same / rows }
}

async function quality(engines, { name, tokens, answers = [] }) {
  console.log(`\n${name}, ${tokens.length} tokens`)
  const [plain, ...others] = engines
  const scores = await plain.score(tokens)
  const ofAnswers = (some) =>
    answers.length ? `, of ${answers.length} in answers ${perplexity(some, answers).toFixed(4)}` : ''
  const wanted = perplexity(scores)
  console.log(`  as computed  perplexity ${wanted.toFixed(4)}${ofAnswers(scores)}`)
  const chunk = plain.info.device === 'cpu' ? 256 : 1024
  const last = Math.min(tokens.length, Number(options.tokens))
  const rows = await plain.logits(tokens.subarray(0, last), chunk)
  for (const engine of others) {
    const { kvBits, vocabSize } = engine.info
    const ownScores = await engine.score(tokens)
    const own = perplexity(ownScores)
    const kl = compare(rows, await engine.logits(tokens.subarray(0, last), chunk), vocabSize)
    const change = ((own / wanted - 1) * 100).toFixed(3)
    console.log(
      `  ${`${kvBits} bits`.padEnd(11)}  perplexity ${own.toFixed(4)} (${change}%)${ofAnswers(ownScores)}, KL ${kl.mean.toExponential(2)} nats/token (at most ${kl.most.toExponential(2)}), ${(kl.same * 100).toFixed(2)}% the same first choice`,
    )
  }
}

function memory(engines) {
  const [plain] = engines
  console.log('\nKV cache of one token in the full-attention layers')
  for (const { info } of engines) {
    const { kvBits, memory } = info
    const name = kvBits ? `${kvBits} bits`.padEnd(11) : 'as computed'
    console.log(`  ${name}  ${memory.perToken} bytes, ${(memory.perToken / plain.info.memory.perToken).toFixed(3)}x`)
  }
}

async function speed(engines) {
  const [runs, length, decode] = [options.runs, options.prompt, options.decode].map(Number)
  if (runs === 0) return
  console.log(`\nprefill of ${length} tokens, then decode of ${decode}; medians of ${runs} pairs`)
  const rates = await compareSpeed(engines, { runs, length, decode })
  for (const [at, { info }] of engines.entries()) {
    const { prefill, decode, decodeRate } = rates[at]
    const name = info.kvBits ? `${info.kvBits} bits`.padEnd(11) : 'as computed'
    console.log(
      `  ${name}  prefill ${prefill.toFixed(2)}x, decode ${decode.toFixed(2)}x (${decodeRate.toFixed(0)} tok/s)`,
    )
  }
}

if (options.help) console.log(HELP)
else {
  const engines = []
  try {
    for (const kvBits of BITS) engines.push(await loadNative(options.model, { kvBits }))
    const [{ info }] = engines
    console.log(
      `${options.model} (${info.computeDtype} on ${info.device}), ${availableParallelism()} cores of ${cpus()[0]?.model.trim()}`,
    )
    for (const text of await texts(info)) await quality(engines, text)
    memory(engines)
    await speed(engines)
  } finally {
    for (const engine of engines) engine.close()
  }
}
