// Several requests together: what one costs over a bare loop, what four gain, how long a short prompt waits for a long one.
import { availableParallelism, cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { loadNative } from '../dist/engine/load.js'
import { midCheckpoint } from './checkpoint.mjs'
import { median, prompt } from './numbers.mjs'
import { start } from './request.mjs'

const { values: options } = parseArgs({
  options: {
    model: { type: 'string' },
    runs: { type: 'string', default: '5' },
    prompt: { type: 'string', default: '256' },
    decode: { type: 'string', default: '64' },
    together: { type: 'string', default: '4,8' },
    long: { type: 'string', default: '30000' },
    short: { type: 'string', default: '2048' },
    help: { type: 'boolean', default: false },
  },
})

const HELP = `node bench/batch.mjs [options]
  --model PATH      checkpoint; without one a random one of 220 million parameters is made and used
  --runs 5          measured pairs of each
  --prompt 256      tokens of each prompt
  --decode 64       tokens to generate
  --together 4,8    how many sequences decode together
  --long 30000      tokens of the prompt that is being read when the short one comes; 0: skip
  --short 2048      tokens of the short one`

const [runs, length, decode] = [options.runs, options.prompt, options.decode].map(Number)
let seed = 1

/** Tokens that no earlier prompt starts with. */
function newPrompt(count, vocabSize) {
  return prompt(count, seed++, vocabSize)
}

/** Microseconds of all of the process's threads: what a busy machine changes least. */
function cpuTime() {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** One sequence: the engine beside a bare loop, in turns. */
async function alone(native) {
  const { vocabSize } = native.info
  const rows = []
  for (let run = 0; run <= runs; run++) {
    const begin = cpuTime()
    const [barePrefill, bareDecode] = await native.bareLoop(newPrompt(length, vocabSize), decode)
    const middle = cpuTime()
    const { ownSeconds } = native.stats()
    const { prefillSeconds, decodeSeconds } = await start(native, newPrompt(length, vocabSize), decode).done
    const around = cpuTime() - middle - (middle - begin)
    const own = (native.stats().ownSeconds - ownSeconds) * 1e6
    // The first one warms up.
    if (run > 0) rows.push({ barePrefill, bareDecode, prefillSeconds, decodeSeconds, around, own })
  }
  const of = (value) => median(rows.map(value))
  const steps = decode - 1
  const speeds = (name, prefill, decoding) =>
    console.log(
      `  ${name} ${of((row) => steps / row[decoding]).toFixed(1)} tok/s decode, ${of((row) => length / row[prefill]).toFixed(0)} tok/s prefill`,
    )
  console.log(`one sequence, ${length} tokens of prompt, ${decode} generated`)
  speeds('bare loop', 'barePrefill', 'bareDecode')
  speeds('engine   ', 'prefillSeconds', 'decodeSeconds')
  const ratios = [
    of((row) => row.bareDecode / row.decodeSeconds),
    of((row) => row.barePrefill / row.prefillSeconds),
    of((row) => (row.barePrefill + row.bareDecode) / (row.prefillSeconds + row.decodeSeconds)),
  ]
  console.log(`  engine / bare: ${ratios.map((ratio) => ratio.toFixed(3)).join(', ')} (decode, prefill, both)`)
  const own = of((row) => row.own) / decode
  const around = of((row) => row.around) / decode
  console.log(`  a token costs the engine's thread ${own.toFixed(0)} us beside the arithmetic,`)
  console.log(`  and all threads, JavaScript's included, ${around.toFixed(0)} us more than in the bare loop`)
}

/** Total speed of several sequences that decode together beside that of one, in turns. */
async function together(native, count) {
  const { vocabSize } = native.info
  const decodeAll = async (n) => {
    const all = Array.from({ length: n }, () => start(native, newPrompt(length, vocabSize), decode))
    const ends = await Promise.all(all.map(({ done }) => done))
    // From the moment when the last has read its prompt until the first one ends, all of them decode.
    const begin = Math.max(...ends.map(({ times }) => times[0]))
    const end = Math.min(...ends.map(({ times }) => times.at(-1)))
    const tokens = ends.flatMap(({ times }) => times).filter((time) => time > begin && time <= end).length
    return (tokens / (end - begin)) * 1000
  }
  const pairs = []
  for (let run = 0; run < runs; run++) pairs.push([await decodeAll(1), await decodeAll(count)])
  const ratio = median(pairs.map(([one, many]) => many / one))
  console.log(
    `${count} sequences decode together at ${median(pairs.map(([, many]) => many)).toFixed(1)} tok/s in all, ${ratio.toFixed(2)}x of one`,
  )
}

/** How much later the first token of a short prompt comes when a long one is being read. */
async function beside(native, long, short) {
  const { vocabSize, prefillChunk: chunk } = native.info
  const rows = []
  for (let run = 0; run < Math.min(runs, 3); run++) {
    const { first: own } = await start(native, newPrompt(short, vocabSize), 1).done
    const reading = start(native, newPrompt(long, vocabSize), 1)
    while (native.stats().prefill.done < 2 * chunk) await sleep(5)
    const before = native.stats().prefill.done
    const watched = performance.now()
    while (native.stats().prefill.done < before + 2 * chunk) await sleep(1)
    const perChunk = (performance.now() - watched) / 2
    const { first } = await start(native, newPrompt(short, vocabSize), 1).done
    reading.cancel()
    await reading.done
    rows.push({ own, first, perChunk })
  }
  const of = (value) => median(rows.map(value))
  console.log(
    `first token of ${short} tokens: alone ${of((row) => row.own).toFixed(0)} ms, beside ${long} tokens ${of((row) => row.first).toFixed(0)} ms: ${of((row) => (row.first - row.own) / row.perChunk).toFixed(1)} chunks of the other later (one takes ${of((row) => row.perChunk).toFixed(0)} ms)`,
  )
}

if (options.help) console.log(HELP)
else {
  const folder = options.model ?? (await midCheckpoint())
  const native = await loadNative(folder)
  try {
    const { device, computeDtype, parameters, prefillChunk } = native.info
    console.log(
      `${folder} (${(parameters / 1e6).toFixed(0)}M, ${computeDtype} on ${device}, chunks of ${prefillChunk}), ${availableParallelism()} cores of ${cpus()[0]?.model.trim()}; medians of ${runs} pairs`,
    )
    await alone(native)
    for (const count of options.together.split(',').map(Number)) await together(native, count)
    if (Number(options.long) > 0) await beside(native, Number(options.long), Number(options.short))
  } finally {
    native.close()
  }
}
