// Python packages of pinned versions, each set in a virtual environment of its own below the cache folder.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDir } from '../third_party/fetch.mjs'
import { root, run, SetupError } from './setup.mjs'
import { note } from './terminal-lines.mjs'

/**
 * Installs what pip's arguments name, once. `name`: of the folder; `what`: in words, for the lines that are printed.
 * -> the folder of its programs
 */
export async function pythonPackages({ name, what, packages }) {
  const folder = join(cacheDir(), name)
  const bin = join(folder, 'bin')
  const complete = join(folder, 'complete')
  if (existsSync(complete)) return bin
  note(`Installing ${what}`)
  if (spawnSync('python3', ['-m', 'venv', folder], { cwd: root, stdio: 'inherit' }).status !== 0) {
    throw new SetupError('python3 -m venv failed. Install it (apt install python3-venv; brew install python).')
  }
  if ((await run(join(bin, 'python'), ['-m', 'pip', 'install', '--quiet', ...packages])) !== 0) {
    throw new SetupError(`pip could not install ${what}; see above. Check the network and your pip settings.`)
  }
  // Written last: an installation that was interrupted is done again.
  writeFileSync(complete, '')
  return bin
}

/** The official clients of Anthropic and OpenAI. -> a Python that has them */
export async function pythonClients() {
  const requirements = join(root, 'test/e2e/python/requirements.txt')
  const hash = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)
  const what = "Anthropic's and OpenAI's Python clients (about 20 MB)"
  const bin = await pythonPackages({ name: `python-clients-${hash}`, what, packages: ['-r', requirements] })
  return join(bin, 'python')
}
