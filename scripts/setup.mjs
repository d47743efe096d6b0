// Sets up a clone: npm packages, MLX, the addon, dist/. A step is skipped if nothing that it depends on has changed.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  closeSync,
  constants,
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
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { cacheDir, FetchError, fetchMlx } from '../third_party/mlx/fetch.mjs'

/** The package's own folder. */
export const root = fileURLToPath(new URL('..', import.meta.url))

/** A failure whose message already says what to do. */
export class SetupError extends Error {}

/**
 * Sets up everything that is missing or stale. `tests` builds the C++ tests as well; `native` stops after the addon.
 * `say` gets lines of progress, and none if there is nothing to do.
 */
export async function setup({ tests = false, native = false, say = note } = {}) {
  checkNode()
  await installPackages(say)
  await locked(say, async () => {
    await buildAddon({ tests, say })
    if (!native) await compile(say)
  })
}

/** Runs a script's body; what it returns is the exit status. Known failures are printed without a stack. */
export async function script(body) {
  try {
    process.exitCode = (await body(process.argv.slice(2))) ?? 0
  } catch (error) {
    if (!(error instanceof SetupError || error instanceof FetchError)) throw error
    console.error(`\n${error.message}`)
    process.exitCode = 1
  }
}

/** Runs a program in the terminal, from the root. -> its exit status */
export function run(command, args, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })
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

/** Prints a line of progress on stderr: stdout belongs to the program that the script starts. */
export function note(line) {
  console.error(line)
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if ((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22) return
  throw new SetupError(
    `tether needs Node 20.19 or newer in the 20 line, or 22.12 and up; this is ${process.versions.node}. Install one with nvm (nvm install 22), brew (brew install node@22) or your system's packages.`,
  )
}

async function installPackages(say) {
  // The published package has no lock file, and npm has installed its dependencies.
  if (!existsSync(join(root, 'package-lock.json')) || packagesMatch()) return
  say('Installing npm packages')
  const code = await run('npm', ['ci', '--no-audit', '--no-fund'])
  if (code !== 0) throw new SetupError('npm ci failed; see above. Check the network and your npm settings.')
}

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
  const addon = join(root, 'build/Release/tether.node')
  if (!existsSync(addon)) checkTools({ fetching: !process.env.MLX_DIR && !existsSync(join(cacheDir(), 'mlx')) })
  const { mlx, openblas = '' } = await fetchMlx(say)
  const about = [process.version, process.platform, process.arch, mlx, openblas]
  const sources = filesUnder('native')
  const own = sources.filter((file) => !file.startsWith('native/test/'))
  const stamps = {
    addon: hash([...own, 'CMakeLists.txt', 'package-lock.json'], about),
    tests: tests ? hash([...sources, 'CMakeLists.txt', 'package-lock.json'], about) : undefined,
  }
  const done = readStamp('addon.stamp')
  if (existsSync(addon) && done.addon === stamps.addon && (!tests || done.tests === stamps.tests)) return
  checkTools({ fetching: false })
  forgetMovedBuild()
  const options = [
    ...['--parallel', String(jobs())],
    `--CDTETHER_MLX_PREFIX=${mlx}`,
    `--CDTETHER_OPENBLAS_PREFIX=${openblas}`,
    `--CDTETHER_TESTS=${tests ? 'ON' : 'OFF'}`,
  ]
  // `build` alone would use the options of the last `configure`.
  const commands = ['configure', 'build'].map((command) => [tool('cmake-js'), command, ...options])
  await logged('Building the addon', 'build/build.log', commands, say)
  writeFileSync(join(root, 'build/addon.stamp'), JSON.stringify(stamps))
}

async function compile(say) {
  const sources = filesUnder('src')
  if (sources.length === 0) return
  const stamp = { dist: hash([...sources, 'tsconfig.json', 'package-lock.json'], []) }
  if (existsSync(join(root, 'dist/index.js')) && readStamp('dist.stamp').dist === stamp.dist) return
  await logged('Compiling TypeScript', 'build/tsc.log', [[tool('typescript', 'tsc'), '-p', 'tsconfig.json']], say)
  forgetRemoved(sources)
  writeFileSync(join(root, 'build/dist.stamp'), JSON.stringify(stamp))
}

/** Removes compiled files whose source is gone: they could still be imported, and would be published. */
function forgetRemoved(sources) {
  const stems = new Set(sources.map((file) => file.replace(/^src\//, '').replace(/\.[cm]?ts$/, '')))
  for (const file of filesUnder('dist')) {
    const stem = file.replace(/^dist\//, '').replace(/(\.d)?\.[cm]?[jt]s(\.map)?$/, '')
    if (!stems.has(stem)) rmSync(join(root, file))
  }
}

/** Runs Node programs one after the other, with their output in a log, whose last lines a failure shows. */
export async function logged(what, log, commands, say) {
  const started = performance.now()
  const path = join(root, log)
  say(`${what} (${log})`)
  const file = openSync(path, 'w')
  let code = 0
  for (const args of commands) {
    if (code === 0) code = await runInto(file, args)
  }
  closeSync(file)
  if (code !== 0) {
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
    throw new SetupError(`${lines.slice(-30).join('\n')}\n\n${what} failed. The whole log is ${path}`)
  }
  say(`${what} took ${((performance.now() - started) / 1000).toFixed(0)} s`)
}

function runInto(file, args) {
  const moving = process.stderr.isTTY
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    const onData = (data) => {
      writeSync(file, data)
      const step = /\[\s*(\d+\/\d+|\d+%)\]/.exec(String(data))
      if (moving && step) process.stderr.write(`\r  ${step[1]} `)
    }
    child.stdout.on('data', onData)
    child.stderr.on('data', onData)
    child.on('error', reject)
    child.on('close', (code) => {
      if (moving) process.stderr.write('\r\u001b[K')
      resolve(code ?? 1)
    })
  })
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
      if (!waited) say(`Another build of tether is running; waiting for it (it holds ${path})`)
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

/** Throws one error that names every missing tool and the command that installs them. */
function checkTools({ fetching }) {
  const mac = process.platform === 'darwin'
  const missing = []
  // On a Mac without the command line tools c++ opens a dialog; xcode-select does not.
  const compiler = mac ? works('xcode-select', ['-p']) : works(process.env.CXX || 'c++', ['--version'])
  if (!compiler) missing.push('compiler')
  const [major, minor] = (/(\d+)\.(\d+)/.exec(output('cmake', ['--version'])) ?? [0, 0, 0]).slice(1).map(Number)
  if (major < 3 || (major === 3 && minor < 21)) missing.push('cmake')
  if (fetching && !works('python3', ['--version'])) missing.push('python')
  else if (fetching && !works('python3', ['-m', 'pip', '--version'])) missing.push('pip')
  if (missing.length > 0) throw new SetupError(howToInstall(missing, mac))
}

const names = {
  compiler: 'a C++20 compiler',
  cmake: 'CMake 3.21 or newer',
  python: 'Python 3 with pip',
  pip: "Python's pip",
}

const packages = {
  apt: { compiler: 'g++ make', cmake: 'cmake', python: 'python3 python3-pip', pip: 'python3-pip' },
  dnf: { compiler: 'gcc-c++ make', cmake: 'cmake', python: 'python3 python3-pip', pip: 'python3-pip' },
  brew: { cmake: 'cmake', python: 'python', pip: 'python' },
}

function howToInstall(missing, mac) {
  const list = (manager) =>
    missing
      .map((part) => packages[manager][part])
      .filter(Boolean)
      .join(' ')
  const fixes = []
  if (mac) {
    if (missing.includes('compiler')) fixes.push('xcode-select --install')
    if (list('brew')) fixes.push(`brew install ${list('brew')}`)
  } else {
    const dnf = works('dnf', ['--version'])
    fixes.push(dnf ? `sudo dnf install ${list('dnf')}` : `sudo apt install ${list('apt')}`)
  }
  const what = missing.map((part) => names[part]).join(', ')
  return `tether builds its addon on this machine and cannot find what the build needs: ${what}. Run this, then try again:\n\n  ${fixes.join('\n  ')}\n`
}

function works(command, args) {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

function output(command, args) {
  return spawnSync(command, args, { encoding: 'utf8' }).stdout ?? ''
}
