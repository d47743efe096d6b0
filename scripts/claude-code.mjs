// The Claude Code that tests and the recording run, in a folder of its own below the cache.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDir } from '../third_party/fetch.mjs'
import { run, SetupError } from './setup.mjs'
import { note } from './terminal-lines.mjs'

/** The version that tests run unless they are told otherwise. */
export const pinned = '2.1.330'

/** Fetches the package of this platform: the general one needs an install script to get the same file. -> its path */
export async function claudeCode(version = pinned) {
  const name = `@anthropic-ai/claude-code-${process.platform}-${process.arch}`
  const folder = join(cacheDir(), `claude-${version}`)
  const binary = join(folder, 'node_modules', name, 'claude')
  if (existsSync(binary)) return binary
  note(`Fetching ${name} ${version} (about 180 MB)`)
  mkdirSync(folder, { recursive: true })
  const flags = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts']
  const code = await run('npm', ['install', '--prefix', folder, ...flags, `${name}@${version}`])
  if (code === 0 && existsSync(binary)) return binary
  throw new SetupError(`${name} ${version} could not be installed; see above. Check the network and your npm settings.`)
}

/** The newest version that npm's registry has. */
export function newestVersion() {
  const words = ['view', '@anthropic-ai/claude-code', 'version']
  try {
    return execFileSync('npm', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }).trim()
  } catch {
    throw new SetupError(`npm ${words.join(' ')} failed; see above. Check the network and your npm settings.`)
  }
}

/** The version that `--newest` or `--claude VERSION` among the arguments asks for, and the other arguments. */
export function versionAsked(args) {
  const rest = args.filter((arg) => arg !== '--newest')
  if (rest.length < args.length) return { version: newestVersion(), rest }
  const at = rest.indexOf('--claude')
  if (at < 0) return { version: pinned, rest }
  const [, version] = rest.splice(at, 2)
  if (!/^\d+\.\d+\.\d+$/.test(version ?? '')) throw new SetupError('--claude needs a version, such as 2.1.330.')
  return { version, rest }
}
