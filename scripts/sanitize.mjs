// npm run test:sanitizers: builds the addon and the C++ tests with sanitizers and runs the engine's tests (--help).
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { fetchMlx } from '../third_party/mlx/fetch.mjs'
import { fetchXgrammar } from '../third_party/xgrammar/fetch.mjs'
import { jobs, logged, root, run, SetupError, script, setup, tool } from './setup.mjs'
import { note } from './terminal-lines.mjs'

const help = `npm run test:sanitizers [-- address|thread] [VITEST-ARGUMENTS]

  address   AddressSanitizer, LeakSanitizer and UBSan, in build-asan/: the C++ tests, then test/engine (or the tests
            that the arguments name) with the addon of that build
  thread    ThreadSanitizer, in build-tsan/: the C++ tests, then native/test/crossing.mjs

Without an argument it runs both. It needs Linux and GCC.`

const kinds = {
  address: {
    folder: 'build-asan',
    steps: [ctest, vitest],
    flags: 'address,undefined',
    library: 'libasan.so',
    env: { UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1' },
    ctest: { ASAN_OPTIONS: 'detect_leaks=1' },
    // Node does not free its memory when it exits.
    node: { ASAN_OPTIONS: 'detect_leaks=0' },
  },
  thread: {
    folder: 'build-tsan',
    steps: [ctest, crossing],
    flags: 'thread',
    library: 'libtsan.so',
    env: { TSAN_OPTIONS: `halt_on_error=1:report_thread_leaks=0:suppressions=${join(root, 'native/test/tsan.supp')}` },
  },
}

await script(async (args) => {
  if (args.includes('--help')) return console.log(help)
  if (process.platform !== 'linux') throw new SetupError('npm run test:sanitizers runs on Linux only.')
  const named = Object.hasOwn(kinds, args[0] ?? '')
  const rest = named ? args.slice(1) : args
  // Tests start programs that import dist/.
  await setup()
  let worst = 0
  for (const name of named ? [args[0]] : Object.keys(kinds)) {
    await build(kinds[name])
    for (const step of kinds[name].steps) worst = Math.max(worst, await timed(name, step, rest))
  }
  return worst
})

async function timed(name, step, args) {
  const started = performance.now()
  const code = await step(kinds[name], args)
  const took = ((performance.now() - started) / 1000).toFixed(0)
  note(`sanitizers: ${name}, ${step.name}: ${code === 0 ? 'passed' : 'failed'} after ${took} s`)
  return code
}

/** Builds into <folder>/build/Release, where node-gyp-build looks for the addon of a package in <folder>. */
async function build({ folder, flags }) {
  const { mlx, openblas = '' } = await fetchMlx(note)
  const xgrammar = await fetchXgrammar(note)
  mkdirSync(join(root, folder), { recursive: true })
  const options = [
    ...['--out', `${folder}/build`, '--parallel', String(jobs())],
    `--CDTETHER_MLX_PREFIX=${mlx}`,
    `--CDTETHER_OPENBLAS_PREFIX=${openblas}`,
    `--CDTETHER_XGRAMMAR_SOURCES=${xgrammar}`,
    `--CDTETHER_SANITIZE=${flags}`,
    '--CDTETHER_TESTS=ON',
  ]
  const commands = ['configure', 'build'].map((command) => [tool('cmake-js'), command, ...options])
  await logged(`Building with -fsanitize=${flags}`, `${folder}/build.log`, commands, note)
}

function ctest({ folder, env, ctest }) {
  return run('ctest', ['--test-dir', `${folder}/build`, '--output-on-failure', '--no-tests=error'], {
    ...env,
    ...ctest,
  })
}

function vitest(kind, args) {
  // leak.test.ts measures the process's memory, and the sanitizer keeps half a megabyte for each thread that has ended.
  // crash.test.ts waits for handlers of ours, and the sanitizer has its own.
  const without = ['leak', 'crash'].map((name) => `--exclude=test/engine/${name}.test.ts`)
  const flags = ['--testTimeout=300000', '--hookTimeout=300000', ...without]
  const files = args.some((arg) => !arg.startsWith('-')) ? args : ['test/engine', ...args]
  return node(kind, [tool('vitest'), 'run', ...flags, ...files])
}

/**
 * Runs without vitest, which takes minutes to start under ThreadSanitizer. Node's own threads are not instrumented, so
 * only reports that name the addon count.
 */
async function crossing(kind) {
  const folder = join(root, kind.folder)
  const logs = () => readdirSync(folder).filter((name) => name.startsWith('crossing.'))
  for (const name of logs()) rmSync(join(folder, name))
  const options = `${kind.env.TSAN_OPTIONS}:halt_on_error=0:exitcode=0:log_path=${join(folder, 'crossing')}`
  const code = await node({ ...kind, env: { TSAN_OPTIONS: options } }, ['native/test/crossing.mjs'])
  const reports = logs()
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split(/^=+$/m))
    .filter((report) => report.includes('tether.node'))
  for (const report of reports) note(report)
  return reports.length > 0 ? 1 : code
}

/** Node itself is not instrumented, so the sanitizer's library is preloaded. */
function node({ folder, library, env, node }, args) {
  const path = execFileSync('c++', [`-print-file-name=${library}`], { encoding: 'utf8' }).trim()
  if (!isAbsolute(path)) {
    throw new SetupError(`c++ has no ${library}; npm run test:sanitizers needs GCC and its sanitizers.`)
  }
  // node-gyp-build loads the addon from there instead of from @tether/mlx.
  const prebuild = { '@TETHER/MLX_PREBUILD': join(root, folder) }
  return run(process.execPath, args, { ...env, ...node, ...prebuild, LD_PRELOAD: path })
}
