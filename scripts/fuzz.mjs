// npm run fuzz [-- REQUESTS [SEED]]: that many requests (200,000) with anything in any field, against the server with a fake
// engine and every family of prompts. Only 2xx and 4xx may come back.

import { run, script, setup, tool } from './setup.mjs'

await script(async ([requests = '200000', seed = String(Date.now() % 1_000_000)]) => {
  await setup()
  const env = { TETHER_FUZZ_REQUESTS: requests, TETHER_FUZZ_SEED: seed }
  console.log(`${requests} requests with the seed ${seed}`)
  return run(process.execPath, [tool('vitest'), 'run', 'test/server/fuzz.test.ts'], env)
})
