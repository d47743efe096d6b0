// npm run test:e2e [-- --newest | --claude VERSION]: the tests that run the real Claude Code and the official clients, which are
// fetched on first use.
import { claudeCode, versionAsked } from './claude-code.mjs'
import { pythonClients } from './python-packages.mjs'
import { run, script, setup, tool } from './setup.mjs'

await script(async (args) => {
  await setup()
  const { version, rest } = versionAsked(args)
  const env = { TETHER_TEST_CLAUDE: await claudeCode(version), TETHER_TEST_PYTHON: await pythonClients() }
  const reports = ['--reporter=default', '--reporter=json', '--outputFile.json=build/vitest-e2e.json']
  const config = ['--config', 'vitest.e2e.config.ts']
  return run(process.execPath, [tool('vitest'), 'run', ...config, ...reports, ...rest], env)
})
