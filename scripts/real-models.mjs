// Two small real models in bf16, 8 and 4 bits, which scripts/real_models.py makes of packages from PyPI.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, SetupError } from './setup.mjs'
import { note } from './terminal-lines.mjs'

const cache = process.env.TETHER_REAL_MODELS ?? join(homedir(), '.cache', 'tether', 'real-models')
const versions = ['smollm2-135m', 'gemma3-270m'].flatMap((model) => [
  { model, name: model, options: [] },
  { model, name: `${model}-8bit`, options: ['--bits', '8'] },
  { model, name: `${model}-4bit`, options: ['--bits', '4'] },
])

/** Makes those that are missing. -> their folder, and a Python with `tokenizers` */
export function fetchRealModels() {
  for (const { model, name, options } of versions) {
    if (existsSync(join(cache, name))) continue
    note(`Making ${name}`)
    realModels([model, join(cache, name), ...options])
  }
  return { folder: cache, python: realModels([versions[0].model, '--python']).trim() }
}

function realModels(args) {
  try {
    const output = { stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' }
    return execFileSync('python3', [join(root, 'scripts/real_models.py'), ...args], output)
  } catch {
    throw new SetupError('The real models could not be made; see above. Check the network and your pip settings.')
  }
}

/** Whether all models are there, or a small package can be downloaded. */
export function canFetch() {
  return versions.every(({ name }) => existsSync(join(cache, name))) || isReachable()
}

function isReachable() {
  const scratch = mkdtempSync(join(tmpdir(), 'tether-reach-'))
  const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--retries', '0']
  try {
    execFileSync('python3', [...pip, '--dest', scratch, 'gguf==0.19.0'], { stdio: 'ignore', timeout: 60_000 })
    return true
  } catch {
    return false
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
