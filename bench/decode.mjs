// Measures what drafts gain: answers that repeat their prompt and answers that do not, with drafts and without, in turns.
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loadTokenizer } from '../dist/chat/tokenizer/load.js'
import { readCheckpoint } from '../dist/engine/checkpoint.js'
import { loadNative } from '../dist/engine/load.js'
import { median, prompt } from './numbers.mjs'
import { start } from './request.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: join(root, 'demo/model') },
    draft: { type: 'string' },
    file: { type: 'string', default: join(root, 'src/cli/commands/run.ts') },
    prose: { type: 'string', default: join(root, 'test/real/english.txt') },
    tokens: { type: 'string', default: '512' },
    pairs: { type: 'string', default: '5' },
    parts: { type: 'string', default: 'edit,own,tale,prose,random' },
    threads: { type: 'string', default: '0' },
    'kv-bits': { type: 'string', default: '0' },
    temperature: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
})

const HELP = `npm run bench:decode -- [options]
  --model PATH     checkpoint (demo/model)
  --draft PATH     one that drafts for it: it alone, beside no drafts, and beside both it and lookup
  --file FILE      what is rewritten: its first 200 lines (src/cli/commands/run.ts)
  --prose FILE     text that repeats little (test/real/english.txt)
  --tokens 512     most tokens of an answer, but of a rewritten file
  --pairs 5        rounds; each generates with drafts and without
  --parts LIST     edit,own,tale,prose,random
  --threads 0      of the processor; 0: as many as are fastest
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
  const told = [...start, ...prose.slice(0, half)]
  return {
    edit: { prompt: asked, script: encode(after) },
    own: { prompt: asked, count: most },
    tale: { prompt: told, count: most },
    prose: { prompt: told, script: prose.slice(half, half + most) },
    random: { prompt: [...start, ...prompt(1024, 1, vocabSize)], script: [...prompt(most, 2, vocabSize)] },
  }
}

/** What is compared, and last what it is compared with. */
async function columns() {
  if (options.draft === undefined) return { lookup: { lookup: true }, none: {} }
  const drafter = await readCheckpoint(options.draft)
  return { drafter: { drafter }, both: { drafter, lookup: true }, none: {} }
}

function processorSeconds() {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

async function once(engine, { prompt, script, count = script.length }) {
  const before = engine.stats().drafts.steps
  const more = { temperature: Number(options.temperature), seed: 1 }
  if (script) more.script = Int32Array.from(script)
  let spent
  const onTokens = () => {
    spent ??= processorSeconds()
  }
  const { done } = start(engine, Int32Array.from(prompt), count, { ...more, onTokens })
  const { decodeSeconds, draftedTokens, acceptedTokens, outputTokens, times } = await done
  const steps = engine.stats().drafts.steps - before
  const processor = (outputTokens - 1) / (processorSeconds() - spent)
  const pause = Math.max(...times.slice(1).map((time, i) => time - times[i]))
  const rate = (outputTokens - 1) / decodeSeconds
  return { rate, processor, pause, draftedTokens, acceptedTokens, outputTokens, steps }
}

async function measure(name, text, engines) {
  const rounds = []
  for (const engine of engines) await once(engine, text)
  for (let i = 0; i < Number(options.pairs); i++) {
    const order = [...engines.keys()]
    const round = []
    for (const at of i % 2 ? order.reverse() : order) round[at] = await once(engines[at], text)
    rounds.push(round)
  }
  return engines.slice(0, -1).map((_, at) => [name, ...shown(rounds, at)])
}

/** A column beside the last one. */
function shown(rounds, at) {
  const middle = (read) => median(rounds.map((round) => read(round[at], round.at(-1))))
  const ratio = (field) => `${middle((own, none) => own[field] / none[field]).toFixed(2)}x`
  const { draftedTokens, acceptedTokens, outputTokens, steps } = rounds.at(-1)[at]
  return [
    ratio('rate'),
    ratio('processor'),
    middle(({ rate }) => rate).toFixed(1),
    (outputTokens / steps).toFixed(2),
    `${acceptedTokens} of ${draftedTokens}`,
    `${middle(({ pause }) => pause).toFixed(0)} ms`,
  ]
}

const TITLES = ['text', 'speed', 'of CPU', 'tokens/s', 'a pass', 'drafts right', 'longest pause']

function print(title, rows) {
  console.log(`\n${title}, beside none:`)
  for (const row of [TITLES, ...rows]) console.log(row.map((cell, i) => cell.padEnd(TITLES[i].length + 3)).join(''))
}

function costs({ costs, drafterCost }) {
  const passes = costs.map((cost) => cost.toFixed(2)).join(', ')
  const step = drafterCost > 0 ? `, a token of the drafter ${drafterCost.toFixed(2)}` : ''
  return `passes of 1, 2, 4, 8 and 16 tokens cost ${passes}${step}`
}

async function main() {
  const compared = await columns()
  const engines = []
  try {
    const shared = { kvBits: Number(options['kv-bits']), threads: Number(options.threads) }
    for (const more of Object.values(compared)) engines.push(await loadNative(options.model, { ...shared, ...more }))
    const [{ info }] = engines
    const cores = `${availableParallelism()} cores of ${cpus()[0]?.model.trim()}`
    console.log(`${options.model} (${info.quantization}, ${info.computeDtype} on ${info.device}), ${cores}`)
    const all = await texts(options.model, info.vocabSize)
    const results = []
    for (const part of options.parts.split(',')) results.push(await measure(part, all[part], engines))
    for (const [at, title] of Object.keys(compared).slice(0, -1).entries()) {
      print(
        title,
        results.map((columns) => columns[at]),
      )
      console.log(costs(engines[at].stats().drafts))
    }
  } finally {
    for (const engine of engines) engine.close()
  }
}

if (options.help) console.log(HELP)
else await main()
