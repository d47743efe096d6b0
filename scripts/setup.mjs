// Sets up a clone: npm packages, MLX, the addon, dist/. A step is skipped if nothing that it depends on has changed.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { cacheDir, FetchError } from '../third_party/fetch.mjs'
import { fetchMlx, mlxSource } from '../third_party/mlx/fetch.mjs'
import { fetchXgrammar, xgrammarSource } from '../third_party/xgrammar/fetch.mjs'
import { buildProgress, clock } from './build-progress.mjs'
import { missingTools } from './build-tools.mjs'
import { endWithUs, interruptible } from './interrupts.mjs'
import { wrongNode } from './node-version.cjs'
import { runNpmCi } from './npm-packages.mjs'
import { note, showProgress } from './terminal-lines.mjs'

/** The package's own folder. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/** A failure whose message already says what to do. */
export class SetupError extends Error {}

/**
 * Sets up everything that is missing or stale. `tests` builds the C++ tests as well; `native` stops after the addon;
 * without `needsAddon` it is left out. `say` gets lines of progress, and none if there is nothing to do.
 */
export async function setup({ tests = false, native = false, needsAddon = true, say = note } = {}) {
  checkNode()
  if (needsAddon && !isBuilt()) {
    // Before the packages, which take half a minute.
    checkTools({ fetching: isFetching() })
    say(`tether builds itself first, only this once. It takes ${estimate(tests)}.`)
  }
  await interruptible(async () => {
    try {
      await locked(say, async () => {
        await installPackages(say)
        if (needsAddon) await buildAddon({ tests, say })
        if (!native) await compile(say)
      })
    } catch (error) {
      throw inWords(error)
    }
  })
}

/** Whether something must be downloaded with pip. */
function isFetching() {
  const { MLX_DIR, XGRAMMAR_DIR } = process.env
  const cached = (name) => existsSync(join(cacheDir(), name))
  return (!MLX_DIR && !cached('mlx')) || (!XGRAMMAR_DIR && !cached('xgrammar'))
}

const addon = join(root, 'build/Release/tether.node')

/** Whether there is an addon, be it stale; if not, a build of minutes is ahead. */
export function isBuilt() {
  return existsSync(addon)
}

/** Packages, downloads and dist/ take half a minute; the C++ tests double what is compiled. */
function estimate(tests) {
  const minutes = Math.ceil(((tests ? 2 : 1) * secondsOfCompiling) / jobs() / 60 + 0.5)
  const busy = loadavg()[0] > 2 * availableParallelism() ? ', or more since the machine is busy' : ''
  return `${minutes} to ${2 * minutes} minutes${busy}`
}

/** Of one core: x64 in 2026, GCC 12. */
const secondsOfCompiling = 130

function inWords(error) {
  if (!diskErrors.has(error.code) || !error.syscall) return error
  return new SetupError(`${error.message}\nFree disk space and make ${root} writable, then run the same command again.`)
}

const diskErrors = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO'])

/** Runs a script's body; what it returns is the exit status. Known failures are printed without a stack. */
export async function script(body) {
  try {
    process.exitCode = (await body(process.argv.slice(2))) ?? 0
  } catch (error) {
    if (!isInWords(error)) throw error
    note(`\n${error.message}`)
    process.exitCode = 1
  }
}

/** Whether the message already says what to do. */
export function isInWords(error) {
  return error instanceof SetupError || error instanceof FetchError
}

/** Runs a program in the terminal, from the root. -> its exit status */
export function run(command, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })
    endWithUs(child)
    child.on('error', (error) => reject(new SetupError(`${command} cannot be run: ${error.message}`)))
    child.on('close', (code) => resolve(code ?? 1))
  })
}

/** A command line tool of a package: the path of its JavaScript. */
export function tool(name, bin = name) {
  const manifest = createRequire(join(root, 'package.json')).resolve(`${name}/package.json`)
  const declared = JSON.parse(readFileSync(manifest, 'utf8')).bin
  return join(manifest, '..', typeof declared === 'string' ? declared : declared[bin])
}

/** Every file under a folder, as sorted paths relative to the root. */
export function filesUnder(folder) {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(root.length))
    .sort()
}

function checkNode() {
  const wrong = wrongNode()
  if (wrong !== undefined) throw new SetupError(wrong)
}

async function installPackages(say) {
  // The published package has no lock file, and npm has installed its dependencies.
  if (!existsSync(join(root, 'package-lock.json')) || packagesMatch()) return
  say('Installing npm packages')
  const code = await runNpmCi(root, say).catch((error) => {
    throw new SetupError(`npm cannot be run: ${error.message}`)
  })
  if (code !== 0) throw new SetupError(npmFailed)
}

const npmFailed = `npm could not install the packages: see above. If it cannot reach its registry, check your internet connection; behind a proxy, set HTTPS_PROXY. Then run the same command again.`

/** Compares versions, not times: after `npm install` or a checkout a file's time says nothing about its content. */
function packagesMatch() {
  try {
    const { packages: wanted } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
    const { packages: present } = JSON.parse(readFileSync(join(root, 'node_modules/.package-lock.json'), 'utf8'))
    return Object.entries(wanted).every(([path, entry]) => {
      if (path === '' || (entry.optional && !present[path])) return true
      return present[path]?.version === entry.version && present[path]?.integrity === entry.integrity
    })
  } catch {
    return false
  }
}

async function buildAddon({ tests, say }) {
  const about = [process.version, process.platform, process.arch, ...mlxSource(), ...xgrammarSource()]
  const sources = filesUnder('native')
  const own = sources.filter((file) => !file.startsWith('native/test/'))
  const build = ['CMakeLists.txt', 'third_party/xgrammar/changes.cmake', 'package-lock.json']
  const stamps = { addon: hash([...own, ...build], about) }
  const done = readStamp('addon.stamp')
  const isFresh = existsSync(addon) && done.addon === stamps.addon
  if (isFresh && !tests) return
  const { mlx, openblas = '' } = await fetchMlx(say, showDownload)
  const xgrammar = await fetchXgrammar(say, showDownload)
  // The addon has copies of its libraries beside it, but the tests load them from where they were fetched to.
  if (tests) stamps.tests = hash([...sources, ...build], [...about, mlx, openblas, xgrammar])
  if (isFresh && done.tests === stamps.tests) return
  checkTools({ fetching: false })
  forgetMovedBuild()
  const options = [
    ...['--parallel', String(jobs())],
    `--CDTETHER_MLX_PREFIX=${mlx}`,
    `--CDTETHER_OPENBLAS_PREFIX=${openblas}`,
    `--CDTETHER_XGRAMMAR_SOURCES=${xgrammar}`,
    `--CDTETHER_TESTS=${tests ? 'ON' : 'OFF'}`,
  ]
  // `build` alone would use the options of the last `configure`.
  const commands = ['configure', 'build'].map((command) => [tool('cmake-js'), command, ...options])
  await logged(tests ? 'Building the addon and its tests' : 'Building the addon', 'build/build.log', commands, say)
  writeFileSync(join(root, 'build/addon.stamp'), JSON.stringify(stamps))
}

/** `bytes`: how much has come. -> ends the line */
function showDownload(bytes, size) {
  const started = performance.now()
  const megabytes = (number) => Math.round(number / 1e6)
  const line = showProgress(() => {
    return `  ${megabytes(bytes())} of ${megabytes(size)} MB, ${clock(performance.now() - started)}`
  })
  return line.end
}

async function compile(say) {
  const sources = filesUnder('src')
  if (sources.length === 0) return
  const stamp = { dist: hash([...sources, 'tsconfig.json', 'package-lock.json'], []) }
  if (existsSync(join(root, 'dist/index.js')) && readStamp('dist.stamp').dist === stamp.dist) return
  await logged('Compiling TypeScript', 'build/tsc.log', [[tool('typescript', 'tsc'), '-p', 'tsconfig.json']], say)
  copyAssets(sources)
  forgetRemoved(sources)
  writeFileSync(join(root, 'build/dist.stamp'), JSON.stringify(stamp))
}

/** What is no TypeScript, such as the parts of the server's page, lies beside the module that reads it. */
function copyAssets(sources) {
  for (const file of sources.filter((name) => !/\.[cm]?ts$/.test(name)))
    copyFileSync(join(root, file), join(root, file.replace(/^src/, 'dist')))
}

/** Removes compiled files whose source is gone: they could still be imported, and would be published. */
function forgetRemoved(sources) {
  const stems = new Set(sources.map((file) => file.replace(/^src\//, '').replace(/\.[cm]?[jt]s$/, '')))
  for (const file of filesUnder('dist')) {
    const stem = file.replace(/^dist\//, '').replace(/(\.d)?\.[cm]?[jt]s(\.map)?$/, '')
    if (!stems.has(stem)) rmSync(join(root, file))
  }
}

/** Runs Node programs one after the other, with their output in a log, whose last lines a failure shows. */
export async function logged(what, log, commands, say) {
  const started = performance.now()
  const path = join(root, log)
  say(`${what} (output in ${log})`)
  const file = openSync(path, 'w')
  const progress = buildProgress({ parallel: jobs() })
  const line = showProgress(progress.text)
  let code = 0
  try {
    for (const args of commands) {
      if (code === 0) code = await interruptible(() => runInto(file, args, progress))
    }
  } finally {
    line.end()
    closeSync(file)
  }
  if (code !== 0) throw new SetupError(whyFailed(what, path))
  say(`${what} took ${clock(performance.now() - started)}`)
}

/** In a process group of its own, so that a signal ends the compilers too. -> the exit status */
function runInto(file, args, progress) {
  return new Promise((resolve, reject) => {
    const stdio = ['ignore', 'pipe', 'pipe']
    const child = spawn(process.execPath, args, { cwd: root, stdio, detached: true })
    endWithUs(child, { group: true })
    const onData = (data) => {
      progress.add(String(data))
      try {
        writeSync(file, data)
      } catch (error) {
        // Such as a full disk.
        process.kill(-child.pid)
        reject(error)
      }
    }
    child.stdout.on('data', onData)
    child.stderr.on('data', onData)
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
}

function whyFailed(what, path) {
  const text = readFileSync(path, 'utf8').trimEnd()
  const known = [
    [/No space left on device/, 'The disk is full. Free some space, then run the same command again.'],
    [
      /Killed signal|signal terminated program|out of memory|virtual memory exhausted/,
      'The compiler ran out of memory. Close other programs, then run the same command again: what is compiled is kept.',
    ],
  ]
  const fix = known.find(([pattern]) => pattern.test(text))?.[1]
  const end = fix ? `\n${fix}` : ''
  return `${text.split('\n').slice(-30).join('\n')}\n\n${what} failed. The whole output is in\n\n  ${path}\n${end}`
}

/** Removes CMake's cache if it was made in another folder, such as that of a copied clone: CMake rejects it. */
function forgetMovedBuild() {
  const cache = join(root, 'build/CMakeCache.txt')
  if (!existsSync(cache)) return
  const made = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8'))?.[1]
  if (made && join(made, '/') === root) return
  rmSync(cache)
  rmSync(join(root, 'build/CMakeFiles'), { recursive: true, force: true })
}

/** A compiler process needs about 1.5 GB for MLX's headers. */
export function jobs() {
  return Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / 2e9)))
}

function hash(files, about) {
  const sum = createHash('sha256').update(JSON.stringify(about))
  for (const file of files) {
    if (existsSync(join(root, file))) sum.update(`\0${file}\0`).update(readFileSync(join(root, file)))
  }
  return sum.digest('hex')
}

function readStamp(name) {
  try {
    return JSON.parse(readFileSync(join(root, 'build', name), 'utf8'))
  } catch {
    return {}
  }
}

/** Two setups would write into the same build folder, so the second one waits. A dead process's lock is taken over. */
async function locked(say, body) {
  const path = join(root, 'build/.lock')
  checkWritable()
  for (let waited = false; ; waited = true) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' })
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (!holderLives(path)) rmSync(path, { force: true })
    else {
      if (!waited) say(`Waiting for another build of tether in this clone. Its process id is in\n\n  ${path}\n`)
      await sleep(300)
    }
  }
  const release = () => rmSync(path, { force: true })
  process.once('exit', release)
  try {
    return await body()
  } finally {
    release()
    process.removeListener('exit', release)
  }
}

/** Fails where root has installed tether globally, the addon is missing, and another user starts tether. */
function checkWritable() {
  try {
    mkdirSync(join(root, 'build'), { recursive: true })
    accessSync(join(root, 'build'), constants.W_OK)
  } catch (error) {
    throw new SetupError(
      `tether has to build its addon in ${root}, which cannot be written (${error.code}). As a user who can write there, run:\n\n  ${process.execPath} ${join(root, 'scripts/build.mjs')} --native\n`,
    )
  }
}

function holderLives(path) {
  try {
    process.kill(Number(readFileSync(path, 'utf8')) || -1, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function checkTools(needs) {
  const message = missingTools(needs)
  if (message) throw new SetupError(message)
}
