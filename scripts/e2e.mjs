// npm run test:e2e [-- --newest | --claude VERSION]: the tests that run the real Claude Code and the official clients, which are
// fetched on first use. With --long, as npm run test:clients has it: those that take a quarter of an hour or one.
import { claudeCode, versionAsked } from './claude-code.mjs'
import { pythonClients } from './python-packages.mjs'
import { run, script, setup, tool } from './setup.mjs'

await script(async (args) => {
  await setup()
  const isLong = args.includes('--long')
  const { version, rest } = versionAsked(args.filter((arg) => arg !== '--long'))
  const env = { TETHER_TEST_CLAUDE: await claudeCode(version), TETHER_TEST_PYTHON: await pythonClients() }
  const kind = isLong ? 'clients' : 'e2e'
  const reports = ['--reporter=default', '--reporter=json', `--outputFile.json=build/vitest-${kind}.json`]
  const config = ['--config', `vitest.${kind}.config.ts`]
  return run(process.execPath, [tool('vitest'), 'run', ...config, ...reports, ...rest], env)
})
