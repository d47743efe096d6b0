// npm run test:decoding: 2,000 calls and as many answers that are held to schemas, and 40 prompts with drafts and without for
// each checkpoint of each family, which `npm test` does with a few.

import { run, script, setup, tool } from './setup.mjs'

await script(async () => {
  await setup()
  const files = ['test/turn/held-calls.test.ts', 'test/engine/lookup.test.ts']
  return run(process.execPath, [tool('vitest'), 'run', ...files], { TETHER_CALLS: '200', TETHER_LOOKUP_PROMPTS: '40' })
})
