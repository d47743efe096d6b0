// Compares tether with llama.cpp on the same real weights: prefill, decoding, memory, and several sequences together.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { run, SetupError } from '../../scripts/setup.mjs'
import { median } from '../numbers.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))

const FORMATS = [
  { name: '4 bits', suffix: '-4bit', others: ['q4_0', 'q4_k_m'] },
  { name: '8 bits', suffix: '-8bit', others: ['q8_0'] },
  { name: 'bf16', suffix: '', others: ['f16'] },
]

/**
 * `cache`: the folder of the real models; `folder`: one with node-llama-cpp in it. Each program has a process of its own, all of
 * a format take turns. Prints the medians of ratios of a round, in wall time and in CPU time.
 */
export async function compareWithLlama(model, { cache, folder, runs, lengths, decode, together, threads, formats }) {
  const libraries = librariesOf(folder)
  if ((await run('cmake', ['--build', 'build', '--target', 'read_bench'])) !== 0) throw new SetupError('See above.')
  const machine = `${availableParallelism()} cores of ${cpus()[0]?.model.trim()}, load ${loadavg()[0].toFixed(1)} before`
  console.log(`\n${model} beside llama.cpp, ${threads} thread(s) each; ${machine}; medians of ${runs} rounds`)
  for (const { name, suffix, others } of FORMATS.filter((format) => formats.includes(format.name.split(' ')[0]))) {
    const ggufs = makeGgufs(libraries, { cache, model, types: others })
    const files = { tether: join(cache, model + suffix), ...ggufs }
    const bytes = Object.fromEntries(Object.entries(files).map(([program, path]) => [program, bytesOf(path)]))
    const reading = { size: bytes.tether, rate: readRate(bytes.tether, threads) }
    console.log(`\n${name}; so many threads read ${mb(reading.size)} at ${reading.rate.toFixed(1)} GB/s`)
    const settings = { threads, context: Math.max(...lengths) + decode + 16, sequences: 1 }
    const one = await inTurns(files, { folder, settings, runs, lengths, decode })
    for (const length of lengths) report(length, one[length], bytes, reading.rate)
    if (together < 2) continue
    const small = { ...settings, context: lengths[0] + decode + 16, sequences: together }
    const many = await inTurns(files, { folder, settings: small, runs, lengths: lengths.slice(0, 1), decode })
    console.log(`  ${together} sequences decode together after ${lengths[0]} tokens each`)
    for (const line of compare(many[lengths[0]], 'decode')) console.log(`    ${line}`)
  }
}

function librariesOf(folder) {
  try {
    const entry = createRequire(join(folder, 'package.json')).resolve('node-llama-cpp')
    const name = `${{ darwin: 'mac', win32: 'win' }[process.platform] ?? process.platform}-${process.arch}`
    const bins = join(dirname(entry), '../..', '@node-llama-cpp', name, 'bins', name)
    if (existsSync(bins)) return bins
  } catch {}
  throw new SetupError(`${folder} has no node-llama-cpp for this machine. In that folder: npm install node-llama-cpp`)
}

/** -> the path of each type; made once. */
function makeGgufs(libraries, { cache, model, types }) {
  const made = join(cache, `${model}-gguf`)
  const source = execFileSync('python3', [join(root, 'scripts/real_models.py'), model, '--gguf'], { encoding: 'utf8' })
  const script = join(root, 'bench/real/gguf.py')
  try {
    execFileSync('python3', [script, libraries, source.trim(), made, ...types], { stdio: ['ignore', 'ignore', 'pipe'] })
  } catch (error) {
    throw new SetupError(`llama.cpp's quantizer failed: ${String(error.stderr).trim().split('\n').at(-1)}`)
  }
  return Object.fromEntries(types.map((type) => [type.toUpperCase(), join(made, `${type}.gguf`)]))
}

/** The bytes of a GGUF, or of the weights in a folder: about what a token reads. */
function bytesOf(path) {
  if (path.endsWith('.gguf')) return statSync(path).size
  const files = readdirSync(path).filter((file) => file.endsWith('.safetensors'))
  return files.reduce((sum, file) => sum + statSync(join(path, file)).size, 0)
}

function readRate(bytes, threads) {
  const output = execFileSync(join(root, 'build/bench/read_bench'), [bytes, threads, 21].map(String))
  return Number.parseFloat(String(output))
}

/** -> for each length, for each program, what each round took */
async function inTurns(files, { folder, settings, runs, lengths, decode }) {
  const rounds = {}
  for (const length of lengths) {
    // New ones for each length: what tether keeps of shorter prompts would count as memory of longer ones.
    const workers = Object.entries(files).map(([program, path]) => [
      program,
      startWorker(program, path, settings, folder),
    ])
    rounds[length] = Object.fromEntries(workers.map(([program]) => [program, []]))
    try {
      for (let round = 0; round <= runs; round++) {
        for (let turn = 0; turn < workers.length; turn++) {
          const [program, { ask }] = workers[(turn + round) % workers.length]
          const took = await ask({ length, decode, seed: length + round })
          // The first round warms up; what it leaves in memory is read before caches of later ones grow.
          if (round === 0) rounds[length][program].memory = { rss: took.rss, peak: took.peak }
          else rounds[length][program].push(took)
        }
      }
    } finally {
      for (const [, { end }] of workers) end()
    }
  }
  return rounds
}

function startWorker(program, path, settings, folder) {
  const kind = program === 'tether' ? 'tether' : 'llama'
  const args = [join(root, 'bench/real/worker.mjs'), kind, path, JSON.stringify(settings), folder]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async ask(request) {
      child.stdin.write(`${JSON.stringify(request)}\n`)
      const { value, done } = await lines.next()
      if (done) throw new SetupError(`${program} (${path}) has ended; see above.`)
      return JSON.parse(value)
    },
    end: () => child.kill('SIGKILL'),
  }
}

function report(length, rows, bytes, rate) {
  console.log(`  prefill of ${length} tokens`)
  for (const line of compare(rows, 'prefill')) console.log(`    ${line}`)
  console.log('  decoding after them')
  for (const line of compare(rows, 'decode')) console.log(`    ${line}`)
  for (const [program, all] of Object.entries(rows)) {
    const read = median(all.map(({ decode }) => (bytes[program] * decode.tokens) / decode.seconds / 1e9))
    const share = `${((read / rate) * 100).toFixed(0)}% of what is read without computing`
    const { rss, peak } = all.memory
    const memory = `${rss.toFixed(0)} MiB resident (${(rows.tether.memory.rss / rss).toFixed(2)}x), peak ${peak.toFixed(0)}`
    console.log(
      `    ${program.padEnd(6)} reads ${mb(bytes[program])} a token, ${read.toFixed(1)} GB/s, ${share}; ${memory}`,
    )
  }
}

/** A line for each program: its speed, and how many times faster tether is, in wall and in CPU time. */
function compare(rows, part) {
  return Object.entries(rows).map(([program, all]) => {
    const speed = median(all.map((row) => row[part].tokens / row[part].seconds))
    const cpu = median(all.map((row) => (row[part].cpu / row[part].tokens) * 1e3))
    const line = `${program.padEnd(6)} ${speed.toFixed(1)} tok/s, ${cpu.toFixed(2)} ms of CPU a token`
    if (program === 'tether') return line
    const ratio = (cost) => median(all.map((row, at) => cost(row[part]) / cost(rows.tether[at][part]))).toFixed(2)
    const wall = ratio(({ seconds, tokens }) => seconds / tokens)
    return `${line}; tether is ${wall}x as fast, ${ratio((took) => took.cpu / took.tokens)}x by CPU time`
  })
}

function mb(bytes) {
  return `${(bytes / 1e6).toFixed(0)} MB`
}
