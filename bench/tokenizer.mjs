// Measures loading and encoding with real vocabularies beside PyPI `tokenizers` and npm `@huggingface/tokenizers`, in
// turns in one run.
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { tokenizerFile } from '../scripts/tokenizer-files.mjs'
import { gemma4Vocabulary } from './gemma4-vocabulary.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    warm: { type: 'string', default: '5' },
    loads: { type: 'string', default: '5' },
    python: { type: 'string', default: process.env.TETHER_ORACLE_PYTHON },
    peer: { type: 'string' },
    recording: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
const HELP = `npm run bench:tokenizer -- [options]
  --rounds 7          measured rounds of encoding
  --warm 5            rounds before those, so that caches are warm as in a server that has run for a while
  --loads 5           measured loads, each in a new process
  --python PATH       a Python with \`tokenizers\` (TETHER_ORACLE_PYTHON); without one \`tokenizers\` is skipped
  --peer PATH         a folder with npm's \`@huggingface/tokenizers\`; without one that package is skipped
  --recording PATH    requests, one a line; measures rendering and encoding of the last one after the others`

const VOCABULARIES = { gemma3: tokenizerFile('gemma3'), llama3: tokenizerFile('llama3') }
const scratch = mkdtempSync(join(tmpdir(), 'tether-bench-'))

if (options.help) console.log(HELP)
else {
  try {
    for (const [name, file] of Object.entries(VOCABULARIES)) {
      await benchLoad(name, file)
      await benchEncode(name, file)
    }
    if (options.recording) await benchRecording(options.recording)
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

/** The commands of the programs that are measured. `cache`: tether's cache folder. */
function peers(cache) {
  const node = (...args) => [process.execPath, [join(root, 'bench/tokenizer-peer.mjs'), ...args]]
  return {
    tether: node('tether', cache ?? ''),
    ...(options.python && { 'tokenizers (Rust)': [options.python, [join(root, 'bench/tokenizers_peer.py')]] }),
    ...(options.peer && { '@huggingface/tokenizers (JS)': node('huggingface', options.peer) }),
  }
}

async function benchLoad(name, file) {
  const cache = join(scratch, name)
  const contenders = Object.entries(peers())
  contenders.splice(1, 0, ['tether, from its cache', peers(cache).tether])
  // The first load fills tether's cache, and the system's cache of files for every program.
  for (const [, command] of contenders) await loadOnce(command, file)
  const rows = Object.fromEntries(contenders.map(([peer]) => [peer, []]))
  for (let i = 0; i < Number(options.loads); i += 1) {
    for (const [peer, command] of contenders) rows[peer].push(await loadOnce(command, file))
  }
  console.log(`\n${name}: load, in a new process`)
  report(rows, 'ms')
  report(inCpuTime(rows), 'ms of CPU')
  for (const [peer, all] of Object.entries(rows))
    console.log(`  ${peer}: memory grows by ${median(all.map(({ mb }) => mb)).toFixed(0)} MB`)
}

async function loadOnce(command, file) {
  const peer = start(command)
  const loaded = await peer.ask({ load: file })
  peer.end()
  return loaded
}

async function benchEncode(name, file) {
  const running = Object.entries(peers()).map(([peer, command]) => [peer, start(command)])
  for (const [, peer] of running) await peer.ask({ load: file })
  for (const [kind, text] of Object.entries(texts())) {
    const rows = Object.fromEntries(running.map(([peer]) => [peer, []]))
    const first = {}
    let sum
    for (let i = 0; i < Number(options.rounds) + Number(options.warm); i += 1) {
      for (const [peer, { ask }] of running) {
        // The JavaScript library takes ten seconds for a megabyte, so it encodes it once.
        if (peer.includes('JS') && text.length > 100_000 && i > 0) continue
        const encoded = await ask({ encode: text })
        sum ??= encoded.sum
        if (encoded.sum !== sum && !peer.includes('JS'))
          throw new Error(`${peer}: the tokens of ${kind} differ from those of the others`)
        if (i === 0) first[peer] = encoded
        if (i >= Number(options.warm)) rows[peer].push(encoded)
      }
    }
    for (const [peer, encoded] of Object.entries(first)) if (rows[peer].length === 0) rows[peer].push(encoded)
    console.log(`\n${name}: encode ${text.length} characters of ${kind}`)
    report(rows, 'ms')
    report(inCpuTime(rows), 'ms of CPU')
    console.log(
      `  first round: ${Object.entries(first)
        .map(([peer, { ms }]) => `${peer} ${ms.toFixed(1)} ms`)
        .join(', ')}`,
    )
  }
  for (const [, peer] of running) peer.end()
}

/** Prose and code of this repository and its npm packages, no file twice. */
function texts() {
  const prose = gather(/\.(md|markdown)$/, 1_000_000)
  const code = gather(/\.(js|ts|mjs|py|cpp|h|cc)$/, 1_000_000)
  return {
    'prose, 49 KB': prose.slice(0, 49_000),
    'code, 49 KB': code.slice(0, 49_000),
    'prose, 1 MB': prose,
    'code, 1 MB': code,
  }
}

function gather(pattern, most) {
  const seen = new Set()
  let text = ''
  for (const folder of ['docs', 'src', 'native', 'node_modules']) {
    for (const path of readdirSync(join(root, folder), { recursive: true }).sort()) {
      if (text.length >= most) return text.slice(0, most)
      // Some packages have folders with names like files.
      if (!pattern.test(path) || !statSync(join(root, folder, path)).isFile()) continue
      const file = readFileSync(join(root, folder, path), 'utf8')
      if (file.length > 200_000 || seen.has(file)) continue
      seen.add(file)
      text += file
    }
  }
  return text
}

/** Measures rendering and encoding of a recording's last request, with a tokenizer that has encoded those before it. */
async function benchRecording(path) {
  const { parseMessagesRequest } = await import('../dist/anthropic/parse.js')
  const { toChat } = await import('../dist/anthropic/to-turn.js')
  const { FAMILIES } = await import('../dist/chat/families.js')
  const { loadTokenizer } = await import('../dist/chat/tokenizer/load.js')
  const requests = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const families = [
    ['gemma4', asGemma4(VOCABULARIES.gemma3)],
    ['llama3', dirname(VOCABULARIES.llama3)],
  ]
  for (const [type, dir] of families) {
    const family = FAMILIES[type]
    const times = []
    let count = 0
    for (let round = 0; round < Number(options.rounds); round += 1) {
      const tokenizer = await loadTokenizer(dir, { cache: scratch })
      for (const request of requests) {
        const began = performance.now()
        count = tokenizer.encodePrompt(family.render(toChat(parseMessagesRequest(request)))).length
        if (request === requests.at(-1)) times.push(performance.now() - began)
      }
    }
    const all = times.map((ms) => ms.toFixed(1)).join(' ')
    console.log(
      `\n${type}: render and encode the last of ${requests.length} requests, ${count} tokens: ${median(times).toFixed(1)} ms (${all})`,
    )
  }
}

/** -> a folder */
function asGemma4(file) {
  const folder = mkdtempSync(join(scratch, 'gemma4-'))
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(gemma4Vocabulary(file)))
  return folder
}

function inCpuTime(rows) {
  return Object.fromEntries(Object.entries(rows).map(([peer, all]) => [peer, all.map(({ cpu }) => ({ ms: cpu }))]))
}

function report(rows, unit) {
  const base = rows[Object.keys(rows)[0]]
  for (const [peer, all] of Object.entries(rows)) {
    const ms = all.map((row) => row.ms)
    // Ratios within a round: other load on the machine slows both.
    const ratio = median(ms.map((value, i) => value / (base[i] ?? base[0]).ms))
    console.log(
      `  ${peer.padEnd(30)} ${median(ms).toFixed(1).padStart(9)} ${unit}, best ${Math.min(...ms).toFixed(1)}; ${ratio.toFixed(2)} x`,
    )
  }
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]
}

/** Starts a program that answers each line of JSON with one line of JSON. */
function start([command, args]) {
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TOKENIZERS_PARALLELISM: 'false', RAYON_NUM_THREADS: '1' },
  })
  const waiting = []
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift().resolve(JSON.parse(line)))
  child.on('exit', () => {
    for (const { reject } of waiting) reject(new Error(`${command} ${args.join(' ')} has ended; its message is above`))
  })
  return {
    ask(question) {
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject })
        child.stdin.write(`${JSON.stringify(question)}\n`)
      })
    },
    end: () => child.stdin.end(),
  }
}
