// npm run test:e2e: the tests that run the real Claude Code, which is fetched on first use.
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDir } from '../third_party/mlx/fetch.mjs'
import { run, SetupError, script, setup, tool } from './setup.mjs'
import { note } from './terminal-lines.mjs'

const version = '2.1.330'

await script(async (args) => {
  await setup()
  const env = { TETHER_TEST_CLAUDE: await claude() }
  const reports = ['--reporter=default', '--reporter=json', '--outputFile.json=build/vitest-e2e.json']
  const config = ['--config', 'vitest.e2e.config.ts']
  return run(process.execPath, [tool('vitest'), 'run', ...config, ...reports, ...args], env)
})

/** Fetches the package of this platform: the general one needs an install script to get the same file. -> its path */
async function claude() {
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
