// npm run test:agents [-- --newest]: the agents that npm has, launched on the demo model. They are fetched on first use.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cacheDir } from '../third_party/fetch.mjs'
import { run, SetupError, script, setup, tool } from './setup.mjs'
import { note } from './terminal-lines.mjs'

/** The versions that docs/agents.md names. */
const pinned = {
  '@openai/codex': '0.171.0',
  'opencode-ai': '1.18.33',
  '@qwen-code/qwen-code': '0.15.10',
  '@mariozechner/pi-coding-agent': '0.73.1',
  '@continuedev/cli': '1.5.47',
}

await script(async (args) => {
  await setup()
  const isNewest = args.includes('--newest')
  const packages = Object.entries(pinned).map(([name, version]) => `${name}@${isNewest ? 'latest' : version}`)
  const env = { TETHER_TEST_AGENTS: await installed(packages, isNewest) }
  const rest = args.filter((arg) => arg !== '--newest')
  return run(process.execPath, [tool('vitest'), 'run', '--config', 'vitest.agents.config.ts', ...rest], env)
})

/** -> the folder of their programs */
async function installed(packages, isNewest) {
  const hash = createHash('sha256').update(packages.join()).digest('hex').slice(0, 12)
  const folder = join(cacheDir(), `agents-${isNewest ? 'newest' : hash}`)
  const complete = join(folder, 'complete')
  if (isNewest || !existsSync(complete)) {
    note(`Fetching ${packages.length} agents (about 1 GB)`)
    mkdirSync(folder, { recursive: true })
    // With install scripts: opencode's puts its program in place.
    const flags = ['--no-save', '--no-audit', '--no-fund']
    if ((await run('npm', ['install', '--prefix', folder, ...flags, ...packages])) !== 0) {
      throw new SetupError('the agents could not be installed; see above. Check the network and your npm settings.')
    }
    // Written last: an installation that was interrupted is done again.
    writeFileSync(complete, '')
  }
  return join(folder, 'node_modules', '.bin')
}
