// Replays conversations of Claude Code against tether: how much of each prompt is reused, while it runs and after a restart.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from './numbers.mjs'
import { sendMessages } from './replay/client.mjs'
import { conversation, recordedRequests } from './replay/conversations.mjs'
import { reuseWatch } from './replay/reuse.mjs'
import { scenarios, step } from './replay/scenarios.mjs'
import { startTether, written } from './replay/tether.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: join(root, 'demo/model') },
    recording: { type: 'string' },
    share: { type: 'string', default: '1' },
    growth: { type: 'string', default: '1000' },
    turns: { type: 'string', default: '8' },
    runs: { type: 'string', default: '3' },
    parts: { type: 'string', default: 'reuse,restart' },
    help: { type: 'boolean', default: false },
  },
})

const HELP = `npm run bench:replay -- [options]
  --model PATH      checkpoint (demo/model)
  --recording PATH  recorded requests, one a line
  --share 1         size of a generated conversation's first request; 1: 53 kB
  --growth 1000     characters that each turn adds
  --turns 8         turns of a generated conversation
  --runs 3          pairs of a restart and a cold start
  --parts LIST      reuse, restart`

const scratch = mkdtempSync(join(tmpdir(), 'tether-replay-'))
const size = { share: Number(options.share), growth: Number(options.growth) }
const turns = Number(options.turns)

/** A server with prefixes on disk in a folder of this name. */
const tether = (folder, watch) =>
  startTether({ model: options.model, cacheDir: join(scratch, folder), sessionFolder: scratch }, watch)

/** Each scenario with a new server and an empty folder. */
async function measureReuse() {
  const recording = options.recording && recordedRequests(options.recording)
  for (const [name, play] of Object.entries(scenarios({ recording, turns, size }))) {
    const watch = reuseWatch()
    const server = await tether(name, watch)
    await play(server.url)
    report(name, await watch.take())
    await server.kill()
  }
}

function report(name, { requests, prompt, possible, reused, short }) {
  const percent = ((100 * reused) / possible).toFixed(3)
  console.log(
    `${name}: ${percent}% of the possible (${reused} of ${possible} tokens; ${requests} prompts of ${prompt} tokens)`,
  )
  for (const { possible: could, reused: did, miss } of short)
    console.log(`  one prompt: ${did} of ${could}, ${miss?.reason} at ${miss?.at}`)
}

/** A conversation whose server is killed before its last turn; that turn beside the same one with an empty folder. */
async function measureRestart() {
  const ratios = { 'first token': [], prefill: [] }
  for (let run = 0; run < Number(options.runs); run++) {
    const watch = reuseWatch()
    const { folder, request } = await killedBefore(run, watch)
    const times = {}
    const measure = async (name) => {
      const server = await tether(name === 'again' ? folder : `cold ${run}`, name === 'again' ? watch : reuseWatch())
      const { first } = await sendMessages(server.url, request)
      const { prefillSeconds } = await server.ask('stats')
      times[name] = { 'first token': first, prefill: 1000 * prefillSeconds }
      await server.kill()
    }
    for (const name of run % 2 ? ['cold', 'again'] : ['again', 'cold']) await measure(name)
    report(`after a restart, run ${run + 1}`, await watch.take())
    for (const [what, all] of Object.entries(ratios)) {
      const { cold, again } = { cold: times.cold[what], again: times.again[what] }
      console.log(`  ${what}: ${again.toFixed(0)} ms, cold ${cold.toFixed(0)} ms`)
      all.push(cold / again)
    }
  }
  for (const [what, all] of Object.entries(ratios))
    console.log(
      `after a restart, ${what}: ${median(all).toFixed(1)}x as fast as cold (${all.map((x) => x.toFixed(1))})`,
    )
}

/** -> the folder of a server that was killed when all was written, and the next request, for one token */
async function killedBefore(run, watch) {
  const folder = `restart ${run}`
  const talk = conversation({ ...size, seed: 500 + run })
  const server = await tether(folder, watch)
  for (let turn = 1; turn < turns; turn++) await step(server.url, talk)
  await watch.take()
  await written(server)
  await server.kill()
  return { folder, request: { ...talk.next(), max_tokens: 1 } }
}

async function main() {
  if (options.help) return console.log(HELP)
  if (options.recording && !existsSync(options.recording))
    throw new Error(`--recording ${options.recording} does not exist`)
  console.log(`${options.model} on ${availableParallelism()} cores of ${cpus()[0]?.model.trim()}`)
  const parts = { reuse: measureReuse, restart: measureRestart }
  for (const part of options.parts.split(',')) await parts[part]()
}

try {
  await main()
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
