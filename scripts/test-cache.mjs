// npm run test:kill [-- ROUNDS]: kills processes while they write prefixes; test:timeline [-- COUNT]: random timelines of the
// prefix cache, over real and fake models; soak [-- SECONDS]: a server under small caps. TETHER_SEED sets the first seed.
import { run, script, setup, tool } from './setup.mjs'

/** What is run of each, and how much of it. */
const kinds = {
  kill: { file: 'test/engine/kill.test.ts', variable: 'TETHER_KILL_ROUNDS', amount: 200 },
  timeline: { file: 'test/engine/timeline.test.ts', variable: 'TETHER_TIMELINES', amount: 50 },
  soak: { file: 'test/server/soak.test.ts', variable: 'TETHER_SOAK_SECONDS', amount: 1800 },
}

await script(async ([kind, amount]) => {
  const { file, variable, amount: usual } = kinds[kind]
  await setup({ tests: kind === 'timeline' })
  const env = { [variable]: String(Number(amount ?? usual)) }
  const code = await run(process.execPath, [tool('vitest'), 'run', file, '--disable-console-intercept'], env)
  if (code !== 0 || kind !== 'timeline') return code
  return run('build/tests/block_timeline_test', [String(8 * Number(env[variable])), process.env.TETHER_SEED ?? '1'])
})
