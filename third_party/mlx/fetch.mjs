// Finds libmlx, its headers and the libraries that it loads: in $MLX_DIR, else in the cache, else pip downloads them.
import { existsSync, readFileSync } from 'node:fs'
import { release } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { asProgram, FetchError, fetchArchives, hashes } from '../fetch.mjs'

const manifest = JSON.parse(readFileSync(join(dirname(fileURLToPath(import.meta.url)), 'manifest.json'), 'utf8'))

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
  return [manifest.version, name, ...hashes(manifest.targets[name].wheels)]
}

/**
 * Returns { mlx, openblas }: prefixes with include/ and lib/, openblas only on the CPU backend of Linux.
 * `say` and `watch`: as in third_party/fetch.mjs.
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
  const folder = await fetchArchives({
    what: `MLX ${manifest.version}`,
    place: join('mlx', `${manifest.version}-${name}`),
    archives: manifest.targets[name].wheels,
    own: 'MLX_DIR to an MLX prefix (include/ and lib/)',
    check: checkSystem,
    say,
    watch,
  })
  const openblas = join(folder, 'scipy_openblas32')
  return { mlx: join(folder, 'mlx'), openblas: existsSync(openblas) ? openblas : undefined }
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

if (process.argv[1] === fileURLToPath(import.meta.url)) await asProgram(fetchMlx)
