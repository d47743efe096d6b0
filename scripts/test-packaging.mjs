// npm run test:packaging: installs the packages with npm, with and without a prebuilt addon (needs npm's registry and a
// compiler).
import { run, script, setup, tool } from './setup.mjs'

await script(async (args) => {
  await setup()
  const reports = ['--reporter=default', '--reporter=json', '--outputFile.json=build/vitest-packaging.json']
  const config = ['--config', 'vitest.packaging.config.ts']
  return run(process.execPath, [tool('vitest'), 'run', ...config, ...reports, ...args])
})
