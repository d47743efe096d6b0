// Replays conversations of Claude Code against tether, and beside it against other servers: how much of each prompt is
// reused, while they run and after a restart, and what that costs.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { cacheDir } from '../third_party/fetch.mjs'
import { inFloat32, withTemplate } from './replay/checkpoints.mjs'
import { recordedRequests } from './replay/conversations.mjs'
import { measureGrowth } from './replay/measure-growth.mjs'
import { measurePeers } from './replay/measure-peers.mjs'
import { measureRestart } from './replay/measure-restart.mjs'
import { measureRestore } from './replay/measure-restore.mjs'
import { measureReuse } from './replay/measure-reuse.mjs'
import { measureStoring } from './replay/measure-storing.mjs'
import { installedOpenblas, killPeers } from './replay/peers.mjs'
import { killAll, startTether } from './replay/tether.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: join(root, 'demo/model') },
    parts: { type: 'string', default: 'reuse,restart,restore,storing,growth,peers' },
    recording: { type: 'string' },
    share: { type: 'string', default: '1' },
    growth: { type: 'string', default: '1000' },
    turns: { type: 'string', default: '8' },
    runs: { type: 'string', default: '3' },
    restore: { type: 'string', default: '16384' },
    storing: { type: 'string', default: '2048' },
    pairs: { type: 'string', default: '20' },
    'growth-turns': { type: 'string', default: '60' },
    'growth-characters': { type: 'string', default: '1750' },
    'memory-cap': { type: 'string', default: '200' },
    'disk-cap': { type: 'string', default: '100' },
    python: { type: 'string', default: process.env.TETHER_ORACLE_PYTHON },
    openblas: { type: 'string', default: installedOpenblas() },
    'llama-server': { type: 'string' },
    gguf: { type: 'string' },
    rounds: { type: 'string', default: '2' },
    svg: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const HELP = `npm run bench:replay -- [options]
  --model PATH      checkpoint (demo/model)
  --parts LIST      reuse, restart, restore, storing, growth, peers (all)
  --recording PATH  recorded requests, one a line, for reuse
  --share 1         size of a generated conversation's first request; 1: 53 kB
  --growth 1000     characters that each turn adds
  --turns 8         turns of a generated conversation
  --runs 3          pairs of a restart, or a restored prompt, and the same computed
  --restore 16384   tokens to restore
  --storing 2048    tokens of a prompt whose blocks are stored
  --pairs 20        pairs of storing and not
  --growth-turns 60, --growth-characters 1750, --memory-cap 200, --disk-cap 100
                    the conversation of the part growth, and its caps in MB
  --svg PATH        where to draw growth
  --rounds 2        conversations with each program, for the part peers
  --python PATH     a Python with mlx-lm, mlx-vlm or both (TETHER_ORACLE_PYTHON)
  --openblas PATH   libopenblas.so.0 to preload into these (Linux; default: the installed one)
  --llama-server PATH, --gguf PATH
                    llama.cpp's server, and the same model as a GGUF`

const scratch = mkdtempSync(join(tmpdir(), 'tether-replay-'))

/** A server that keeps prefixes on disk in a folder of this name. `session: false`: nothing is read ahead at its start. */
const tether = (name, { watch, session = true, ...more } = {}) => {
  const sessionFolder = session ? scratch : undefined
  return startTether({ model, cacheDir: tether.folder(name), sessionFolder, ...more }, watch)
}
tether.folder = (name) => resolve(scratch, name)
let model = options.model

const parts = {
  reuse: measureReuse,
  restart: measureRestart,
  restore: measureRestore,
  storing: (context) => measureStoring({ ...context, ...context.storing, model }),
  growth: measureGrowth,
  peers: comparePeers,
}

/** All programs get the same checkpoint, in float32 if there is a Python to copy it with. */
function comparePeers(context) {
  const { python, openblas, gguf } = options
  const same = python ? inFloat32(model, { folder: join(cacheDir(), 'bench'), python }) : model
  const peerOptions = { python, openblas, gguf, llamaServer: options['llama-server'] }
  return measurePeers({ ...context, model: same, peerOptions, rounds: Number(options.rounds), scratch })
}

async function main() {
  if (options.help) return console.log(HELP)
  const names = options.parts.split(',')
  const unknown = names.find((name) => !parts[name])
  if (unknown !== undefined) throw new Error(`--parts: ${unknown} is none of ${Object.keys(parts).join(', ')}`)
  if (options.recording && !existsSync(options.recording))
    throw new Error(`--recording ${options.recording} does not exist`)
  const number = (name) => Number(options[name])
  const context = {
    tether,
    recording: options.recording && recordedRequests(options.recording),
    size: { share: number('share'), growth: number('growth') },
    turns: number('turns'),
    runs: number('runs'),
    length: number('restore'),
    storing: { pairs: number('pairs'), length: number('storing'), decode: 64 },
    growth: {
      turns: number('growth-turns'),
      characters: number('growth-characters'),
      memoryCap: number('memory-cap') * 1e6,
      diskCache: number('disk-cap') * 1e6,
      svg: options.svg,
    },
  }
  console.log(`${options.model} on ${availableParallelism()} cores of ${cpus()[0]?.model.trim()}`)
  model = await withTemplate(options.model, scratch)
  for (const name of names) await parts[name](context)
}

try {
  await main()
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
} finally {
  killAll()
  killPeers()
  rmSync(scratch, { recursive: true, force: true })
}
