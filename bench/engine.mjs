// Measures prefill and decode of tether and mlx-lm in turns in one run, on the same checkpoint and prompts.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loadNative } from '../dist/engine/load.js'
import { cacheDir } from '../third_party/fetch.mjs'
import { median, prompt } from './numbers.mjs'
import { start } from './request.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const venv = join(cacheDir(), 'mlx-lm')
const WARM_UP = 64

const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: join(root, 'demo/model') },
    prompts: { type: 'string', default: '2048,8192' },
    decode: { type: 'string', default: '64' },
    runs: { type: 'string', default: '3' },
    threads: { type: 'string', default: '0' },
    openblas: { type: 'string' },
    peers: { type: 'string', default: 'installed,openblas,steps' },
    setup: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const HELP = `npm run bench -- [options]
  --model PATH        checkpoint (demo/model)
  --prompts 2048,8192 lengths of the prompts, in tokens
  --decode 64         tokens to generate after each
  --runs 3            measured runs of each
  --threads 0         tether's threads; 0: its own choice
  --openblas PATH     libopenblas.so.0 to preload into mlx-lm (Linux; default: the installed one)
  --peers LIST        mlx-lm's settings: installed, openblas (in float32), steps (the same in steps of 256)
  --setup             first install a Python with mlx-lm into tether's cache folder
TETHER_ORACLE_PYTHON names a Python with mlx-lm. Without one only tether is measured.`

/** A peer is a program that is measured: it gets a prompt and returns seconds and greedy tokens. */
async function tetherPeer() {
  const native = await loadNative(options.model, { threads: Number(options.threads) })
  const { info } = native
  return {
    name: `tether (${info.device}, ${info.computeDtype})`,
    vocabSize: info.vocabSize,
    stopped: () => native.close(),
    async run(tokens, decode) {
      const finish = await start(native, tokens, decode).done
      if (finish.cachedTokens > 0)
        throw new Error('a prompt was in the prefix cache: the bench must not repeat prompts')
      return finish
    },
  }
}

async function mlxPeer(python, { name, args, openblas }) {
  const child = spawn(python, [join(root, 'bench/mlx_lm_peer.py'), options.model, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...(openblas ? { LD_PRELOAD: openblas } : {}) },
  })
  const started = new Promise((resolve, reject) => child.on('spawn', resolve).on('error', reject))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async () => {
    await started
    const { value, done } = await lines.next()
    if (done) throw new Error(`mlx-lm (${name}, ${python}) has ended; its message is above`)
    return JSON.parse(value)
  }
  const { version } = await answer()
  return {
    name: `mlx-lm ${version}, ${name}`,
    stopped: () => child.stdin.end(),
    run(tokens, decode) {
      child.stdin.write(`${JSON.stringify({ tokens: [...tokens], decode })}\n`)
      return answer()
    },
  }
}

/** mlx-lm as installed and, if there is a fast BLAS, with its best settings on a CPU: float32, steps of 256 tokens. */
function mlxSettings() {
  const openblas = process.platform === 'linux' ? findOpenblas() : undefined
  const settings = { installed: { name: 'as installed', args: [] } }
  if (openblas) {
    settings.openblas = { name: 'float32, OpenBLAS', args: ['--float32'], openblas }
    settings.steps = { name: 'float32, OpenBLAS, steps of 256', args: ['--float32', '--step', '256'], openblas }
  }
  return options.peers
    .split(',')
    .map((peer) => settings[peer])
    .filter(Boolean)
}

function oraclePython() {
  const own = process.env.TETHER_ORACLE_PYTHON
  if (own) return own
  const python = join(venv, 'bin/python')
  if (options.setup) setup(python)
  if (existsSync(python)) return python
  console.log('No mlx-lm to compare with: set TETHER_ORACLE_PYTHON, or run `npm run bench -- --setup` once.\n')
}

function setup(python) {
  const requirements = join(root, 'test/goldens/requirements.txt')
  const commands = [
    ['python3', ['-m', 'venv', venv]],
    [python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]],
  ]
  for (const [command, args] of commands) {
    const { status } = spawnSync(command, args, { stdio: 'inherit' })
    if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed; see above`)
  }
}

function findOpenblas() {
  if (options.openblas) {
    // The loader only warns about a missing file, and uses the slow BLAS.
    if (!existsSync(options.openblas)) throw new Error(`--openblas ${options.openblas} does not exist`)
    return options.openblas
  }
  const listed = spawnSync('ldconfig', ['-p'], { encoding: 'utf8' }).stdout ?? ''
  return /libopenblas\.so\.0 .* => (.*)/.exec(listed)?.[1]
}

/** Every peer gets the same new prompt in turn. Which one is first changes from run to run. */
async function measure(peers, length, decode, runs, seed) {
  const results = peers.map(() => ({ prefill: [], decode: [], tokens: [] }))
  for (let run = 0; run < runs; run++) {
    const tokens = prompt(length, seed + run, peers[0].vocabSize)
    for (let turn = 0; turn < peers.length; turn++) {
      const at = (turn + run) % peers.length
      const { prefillSeconds, decodeSeconds, tokens: answer } = await peers[at].run(tokens, decode)
      results[at].prefill.push(length / prefillSeconds)
      results[at].decode.push((answer.length - 1) / decodeSeconds)
      results[at].tokens.push(answer)
    }
  }
  return results
}

/** A row for each peer: medians, tether's speed as a multiple of its speed, and how many answers are the same. */
function report(peers, results) {
  const own = results[0]
  const ratio = (mine, theirs) => `${median(mine.map((speed, run) => speed / theirs[run])).toFixed(2)}x`
  return peers.map(({ name }, at) => {
    const { prefill, decode, tokens } = results[at]
    const same = tokens.filter((answer, run) => String(answer) === String(own.tokens[run])).length
    return {
      '': name,
      'prefill tok/s': Math.round(median(prefill)),
      'decode tok/s': Math.round(median(decode)),
      "tether's prefill": at === 0 ? '' : ratio(own.prefill, prefill),
      "tether's decode": at === 0 ? '' : ratio(own.decode, decode),
      'same answers': at === 0 ? '' : `${same} of ${tokens.length}`,
    }
  })
}

function printTable(rows) {
  const columns = Object.keys(rows[0])
  const widths = columns.map((column) => Math.max(column.length, ...rows.map((row) => String(row[column]).length)))
  const line = (cells) =>
    cells.map((cell, i) => (i ? String(cell).padStart(widths[i]) : cell.padEnd(widths[i]))).join('  ')
  console.log(line(columns))
  for (const row of rows) console.log(line(columns.map((column) => row[column])))
}

async function main() {
  if (options.help) return console.log(HELP)
  const [decode, runs] = [Number(options.decode), Number(options.runs)]
  const peers = [await tetherPeer()]
  try {
    const python = oraclePython()
    for (const setting of python ? mlxSettings() : []) peers.push(await mlxPeer(python, setting))
    console.log(
      `${options.model} on ${availableParallelism()} cores of ${cpus()[0]?.model.trim()}; medians of ${runs} runs`,
    )
    await measure(peers, WARM_UP, decode, 1, 1)
    for (const [i, length] of options.prompts.split(',').map(Number).entries()) {
      console.log(`\n${length} tokens of prompt, ${decode} generated`)
      printTable(report(peers, await measure(peers, length, decode, runs, 1000 * (i + 1))))
    }
  } finally {
    for (const peer of peers) await peer.stopped()
  }
}

try {
  await main()
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
