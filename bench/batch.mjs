// Measures requests that run together: the engine beside a bare loop, the gain of decoding together, and how long a
// short prompt waits for a long one.
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
  --model PATH      checkpoint (default: a random one of 222 million parameters, made on first use)
  --runs 5          measured pairs of each
  --prompt 256      tokens of each prompt
  --decode 64       tokens to generate
  --together 4,8    how many sequences decode together
  --long 30000      tokens of the long prompt, which is in prefill when the short one arrives; 0: skip
  --short 2048      tokens of the short prompt`

const [runs, length, decode] = [options.runs, options.prompt, options.decode].map(Number)
let seed = 1

/** A prompt that shares no prefix with an earlier one. */
function newPrompt(count, vocabSize) {
  return prompt(count, seed++, vocabSize)
}

/** CPU time of all threads in microseconds: other load on the machine changes it least. */
function cpuTime() {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Measures one sequence: the engine beside a bare loop, in turns. */
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
    // The first run warms up.
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
  console.log(`  a token costs the engine's thread ${own.toFixed(0)} us outside of the forward pass,`)
  console.log(`  and all threads, JavaScript's included, ${around.toFixed(0)} us more than the bare loop`)
}

/** Measures the total speed of several sequences that decode together, and that of one, in turns. */
async function together(native, count) {
  const { vocabSize } = native.info
  const decodeAll = async (n) => {
    const all = Array.from({ length: n }, () => start(native, newPrompt(length, vocabSize), decode))
    const ends = await Promise.all(all.map(({ done }) => done))
    // All of them decode from when the last one has finished its prefill until the first one ends.
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

/** Measures how much later the first token of a short prompt comes while a long one is in prefill. */
async function beside(native, long, short) {
  const { vocabSize, prefillChunk: chunk } = native.info
  const rows = []
  for (let run = 0; run < Math.min(runs, 3); run++) {
    const { first: own } = await start(native, newPrompt(short, vocabSize), 1).done
    const reading = start(native, newPrompt(long, vocabSize), 1)
    let ended = false
    const onEnd = () => {
      ended = true
    }
    reading.done.then(onEnd, onEnd)
    const prefillReaches = async (tokens) => {
      while (native.stats().prefill.done < tokens && !ended) await sleep(1)
      if (ended) throw new Error(`--long ${long} is too short: its prefill ended before it could be measured`)
    }
    await prefillReaches(2 * chunk)
    const before = native.stats().prefill.done
    const watched = performance.now()
    await prefillReaches(before + 2 * chunk)
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
