// npm test: types, TypeScript tests and C++ tests. With arguments only vitest, with these arguments.
import { run, script, setup, tool } from './setup.mjs'

await script(async (args) => {
  await setup({ tests: args.length === 0 })
  const vitest = [tool('vitest'), 'run']
  if (args.length > 0) return run(process.execPath, [...vitest, ...args])

  const reports = ['--reporter=default', '--reporter=json', '--outputFile.json=build/vitest.json']
  const results = [
    await run(process.execPath, [tool('typescript', 'tsc'), '-p', 'tsconfig.check.json']),
    await run(process.execPath, [...vitest, ...reports]),
    // The path of the report is relative to the test folder.
    await run('ctest', [
      '--test-dir',
      'build',
      '--output-on-failure',
      '--output-junit',
      'ctest.xml',
      '--no-tests=error',
    ]),
  ]
  return results.every((code) => code === 0) ? 0 : 1
})
