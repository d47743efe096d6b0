// Measures how long tether takes to start, beside bare Node and, with --base, beside another clone, in turns.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from './numbers.mjs'
import { attachBench } from './startup-attach.mjs'
import { makePlaces } from './startup-places.mjs'
import { untilExit, untilPrinted, untilShown } from './startup-programs.mjs'

const HELP = `npm run bench:startup -- [options]
  --rounds 10      measured rounds, after one that is not
  --base FOLDER    another clone that is built, measured in turns with this one
  --models 200     models that --list and the picker read
  --claude PATH    Claude Code, to measure the time until its prompt (TETHER_TEST_CLAUDE); without one that is skipped
  --only TEXT      only the rows whose name has this text`

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    base: { type: 'string' },
    models: { type: 'string', default: '200' },
    claude: { type: 'string', default: process.env.TETHER_TEST_CLAUDE },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
})

const root = fileURLToPath(new URL('..', import.meta.url))
const claudesPrompt = '❯'
/** The server of the row about a second terminal, once it runs. */
let attached

if (options.help) console.log(HELP)
else await bench()

async function bench() {
  const clones = { here: root, ...(options.base && { base: resolve(options.base) }) }
  for (const clone of Object.values(clones)) {
    if (!existsSync(join(clone, 'dist', 'cli', 'main.js')))
      throw new Error(`${clone} is not built: npm run build there`)
  }
  const places = makePlaces({ models: Number(options.models) })
  try {
    const rows = rowsFor(places).filter(({ name }) => name.includes(options.only))
    const second = rowOfSecond(places)
    if (second.name.includes(options.only)) rows.push(second)
    const bare = { name: 'node -e 0', run: () => untilExit(['-e', '0'], where(places)) }
    const results = new Map([bare, ...rows].map(({ name }) => [name, {}]))
    for (let round = 0; round <= Number(options.rounds); round += 1) {
      await measure(results, bare, { here: root }, round)
      for (const row of rows) await measure(results, row, row.once ? { here: root } : clones, round)
    }
    report(results)
  } finally {
    attached?.stop()
    places.remove()
  }
}

/** The server is started with the first round, which is not counted. */
function rowOfSecond(places) {
  return {
    name: 'second terminal, Claude started',
    once: true,
    run(tether, clone) {
      const demo = join(clone, 'demo', 'model')
      attached ??= attachBench({ tether, demo, folder: places.project, where: where(places) })
      return attached.run()
    },
  }
}

async function measure(results, { name, run }, clones, round) {
  // Every other round in the other order, so that neither clone always comes second.
  const turns = round % 2 ? Object.entries(clones) : Object.entries(clones).reverse()
  for (const [which, clone] of turns) {
    const measured = await run(join(clone, 'bin', 'tether.mjs'), clone)
    const all = results.get(name)
    all[which] ??= []
    // The first round creates config.toml and fills the caches of files.
    if (round > 0) all[which].push(measured)
  }
}

function where({ home, project }) {
  const env = { HOME: home, PATH: process.env.PATH, LANG: 'C.UTF-8', NO_COLOR: '1' }
  return { env, cwd: project }
}

/** `once`: of a program that is no clone's. */
function rowsFor(places) {
  const bare = where(places)
  // Nobody listens there: only the line before the first request counts.
  const offline = { ...bare, env: { ...bare.env, HF_ENDPOINT: 'http://127.0.0.1:9' } }
  const demo = (clone) => ['--model', join(clone, 'demo', 'model'), '--port', '0']
  const exits = ['--help', '-h', '--version', '--list'].map((flag) => ({
    name: flag === '--list' ? `--list, ${options.models} models` : flag,
    run: (tether) => untilExit([tether, flag], bare),
  }))
  const rows = [
    ...exits,
    {
      name: `first --list, ${options.models} models`,
      run(tether) {
        places.forget()
        return untilExit([tether, '--list'], bare)
      },
    },
    {
      name: `picker, ${options.models} models`,
      run: (tether) => untilShown([process.execPath, tether, '--serve-only'], 'Choose a model', bare),
    },
    { name: 'pull, first line', run: (tether) => untilPrinted([tether, 'pull', 'org/name'], 'Looking up', offline) },
    {
      name: 'demo, ready',
      run: (tether, clone) => untilPrinted([tether, '--serve-only', ...demo(clone)], ' ready at ', bare),
    },
  ]
  return options.claude ? [...rows, ...rowsOfClaude(places, demo)] : rows
}

function rowsOfClaude(places, demo) {
  const bare = where(places)
  const alone = { ...bare.env, ANTHROPIC_BASE_URL: 'http://127.0.0.1:9', ANTHROPIC_AUTH_TOKEN: 'none' }
  return [
    {
      name: 'Claude Code alone, prompt',
      once: true,
      run: () => untilShown([options.claude], claudesPrompt, { ...bare, env: alone }),
    },
    {
      name: 'Claude Code on demo, prompt',
      run: (tether, clone) =>
        untilShown([process.execPath, tether, ...demo(clone), '--claude-path', options.claude], claudesPrompt, bare),
    },
  ]
}

function report(results) {
  const bare = median(results.get('node -e 0').here.map(({ ms }) => ms))
  console.log(`medians of ${options.rounds} rounds, Node ${process.version}; x: times the wall time of node -e 0`)
  for (const [name, all] of results) {
    const columns = Object.entries(all).map(([which, measured]) => {
      const ms = median(measured.map((one) => one.ms))
      const cpu = median(measured.map(({ cpuMs = Number.NaN }) => cpuMs))
      const memory = median(measured.map(({ pssMb = Number.NaN }) => pssMb))
      const more = Number.isNaN(memory) ? '' : `, PSS ${memory.toFixed(0)} MB`
      const facts = `${ms.toFixed(0).padStart(5)} ms ${(ms / bare).toFixed(1).padStart(5)}x, CPU ${cpu.toFixed(0)} ms${more}`
      return `${which} ${facts}`.padEnd(36)
    })
    console.log(`${name.padEnd(32)} ${columns.join(' ')}`.trimEnd())
  }
}
