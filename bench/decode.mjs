// Measures what drafts gain: answers that repeat their prompt and answers that do not, with lookup on and off, in turns.
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loadTokenizer } from '../dist/chat/tokenizer/load.js'
import { loadNative } from '../dist/engine/load.js'
import { median, prompt } from './numbers.mjs'
import { start } from './request.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: join(root, 'demo/model') },
    file: { type: 'string', default: join(root, 'src/cli/commands/run.ts') },
    prose: { type: 'string', default: join(root, 'test/real/english.txt') },
    tokens: { type: 'string', default: '512' },
    pairs: { type: 'string', default: '5' },
    parts: { type: 'string', default: 'edit,own,prose,random' },
    'kv-bits': { type: 'string', default: '0' },
    temperature: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
})

const HELP = `npm run bench:decode -- [options]
  --model PATH     checkpoint (demo/model)
  --file FILE      what is rewritten: its first 200 lines (src/cli/commands/run.ts)
  --prose FILE     text that repeats little (test/real/english.txt)
  --tokens 512     most tokens of an answer, but of a rewritten file
  --pairs 5        rounds; each generates with drafts and without
  --parts LIST     edit,own,prose,random
  --kv-bits 0      bits of keys and values
  --temperature 0  of what is drawn`

const LINES = 200
const CHANGED = 10

/** A file and the same with every twentieth line changed: a word of it is another one. */
function edited(path) {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, LINES)
  const step = Math.floor(lines.length / CHANGED)
  const changed = lines.map((line, i) => (i % step === step - 1 ? `${line} // checked ${i}` : line))
  return { before: lines.join('\n'), after: changed.join('\n') }
}

async function texts(model, vocabSize) {
  const tokenizer = await loadTokenizer(model)
  const encode = (text) => tokenizer.encode(text, { special: false })
  const start = [...tokenizer.prefix]
  const most = Number(options.tokens)
  const { before, after } = edited(options.file)
  const asked = [...start, ...encode(`Here is run.ts:\n\n${before}\n\nThe same file, with more comments:\n\n`)]
  const prose = encode(readFileSync(options.prose, 'utf8'))
  const half = Math.min(prose.length >> 1, 2048)
  return {
    edit: { prompt: asked, script: encode(after) },
    own: { prompt: asked, count: most },
    prose: { prompt: [...start, ...prose.slice(0, half)], script: prose.slice(half, half + most) },
    random: { prompt: [...start, ...prompt(1024, 1, vocabSize)], script: [...prompt(most, 2, vocabSize)] },
  }
}

async function once(engine, { prompt, script, count = script.length }) {
  const before = engine.stats().drafts.steps
  const more = { temperature: Number(options.temperature), seed: 1 }
  if (script) more.script = Int32Array.from(script)
  const { done } = start(engine, Int32Array.from(prompt), count, more)
  const { decodeSeconds, draftedTokens, acceptedTokens, outputTokens } = await done
  const steps = engine.stats().drafts.steps - before
  return { rate: (outputTokens - 1) / decodeSeconds, draftedTokens, acceptedTokens, outputTokens, steps }
}

async function measure(name, text, engines) {
  const pairs = []
  for (const engine of engines) await once(engine, text)
  for (let i = 0; i < Number(options.pairs); i++) {
    const order = i % 2 ? [1, 0] : [0, 1]
    const pair = []
    for (const at of order) pair[at] = await once(engines[at], text)
    pairs.push(pair)
  }
  const ratio = median(pairs.map(([on, off]) => on.rate / off.rate))
  const [on, off] = [0, 1].map((at) => median(pairs.map((pair) => pair[at].rate)))
  const { draftedTokens, acceptedTokens, outputTokens, steps } = pairs.at(-1)[0]
  const right = draftedTokens === 0 ? 'nothing drafted' : `${acceptedTokens} of ${draftedTokens} drafted tokens right`
  const detail = `${outputTokens} tokens, ${(outputTokens / steps).toFixed(2)} a pass, ${right}`
  console.log(`  ${name.padEnd(7)} ${ratio.toFixed(2)}x (${on.toFixed(1)} and ${off.toFixed(1)} tok/s); ${detail}`)
}

if (options.help) console.log(HELP)
else {
  const engines = []
  try {
    const load = (lookup) => loadNative(options.model, { lookup, kvBits: Number(options['kv-bits']) })
    engines.push(await load(true), await load(false))
    const [{ info }] = engines
    const cores = `${availableParallelism()} cores of ${cpus()[0]?.model.trim()}`
    console.log(`${options.model} (${info.quantization}, ${info.computeDtype} on ${info.device}), ${cores}`)
    const all = await texts(options.model, info.vocabSize)
    for (const part of options.parts.split(',')) await measure(part, all[part], engines)
    const costs = engines[0].stats().drafts.costs.map((cost) => cost.toFixed(2))
    console.log(`  passes of 1, 2, 4, 8 and 16 tokens cost ${costs.join(', ')}`)
  } finally {
    for (const engine of engines) engine.close()
  }
}
