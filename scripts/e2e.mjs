// npm run test:e2e: the tests that run the real Claude Code, which is fetched on first use.
import { claudeCode } from './claude-code.mjs'
import { run, script, setup, tool } from './setup.mjs'

await script(async (args) => {
  await setup()
  const env = { TETHER_TEST_CLAUDE: await claudeCode() }
  const reports = ['--reporter=default', '--reporter=json', '--outputFile.json=build/vitest-e2e.json']
  const config = ['--config', 'vitest.e2e.config.ts']
  return run(process.execPath, [tool('vitest'), 'run', ...config, ...reports, ...args], env)
})
