// The Claude Code that tests and the recording run, in a folder of its own below the cache.
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDir } from '../third_party/mlx/fetch.mjs'
import { run, SetupError } from './setup.mjs'
import { note } from './terminal-lines.mjs'

const version = '2.1.330'

/** Fetches the package of this platform: the general one needs an install script to get the same file. -> its path */
export async function claudeCode() {
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
