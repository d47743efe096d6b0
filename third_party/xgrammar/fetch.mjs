// Finds the sources of xgrammar: in $XGRAMMAR_DIR, else in the cache, else pip downloads them.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { asProgram, FetchError, fetchArchives, hashes } from '../fetch.mjs'

const { version, archives } = JSON.parse(
  readFileSync(join(dirname(fileURLToPath(import.meta.url)), 'manifest.json'), 'utf8'),
)

/** What fetchXgrammar() gives, without its place: as MLX's in third_party/mlx/fetch.mjs. */
export function xgrammarSource() {
  const { XGRAMMAR_DIR } = process.env
  return XGRAMMAR_DIR ? [XGRAMMAR_DIR] : [version, ...hashes(archives)]
}

/** -> the folder with include/, cpp/ and 3rdparty/. `say` and `watch`: as in third_party/fetch.mjs. */
export async function fetchXgrammar(say = () => {}, watch = () => () => {}) {
  const own = process.env.XGRAMMAR_DIR
  if (own) {
    if (existsSync(join(own, 'include/xgrammar/xgrammar.h'))) return own
    throw new FetchError(
      `XGRAMMAR_DIR is ${own}, but ${join(own, 'include/xgrammar/xgrammar.h')} is missing. Point it at the sources of xgrammar ${version}, or unset it.`,
    )
  }
  const folder = await fetchArchives({
    what: `xgrammar ${version}`,
    place: join('xgrammar', version),
    archives,
    own: `XGRAMMAR_DIR to the sources of xgrammar ${version}`,
    say,
    watch,
  })
  return join(folder, `xgrammar-${version}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await asProgram(fetchXgrammar)
