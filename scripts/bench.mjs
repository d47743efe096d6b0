// npm run bench: prefill and decode speed of the engine; bench:engine: several requests together; bench:growth: long prompts.
import { run, script, setup } from './setup.mjs'

await script(async (args) => {
  await setup()
  const [bench, ...rest] = ['batch', 'growth'].includes(args[0]) ? args : ['engine', ...args]
  return run(process.execPath, [`bench/${bench}.mjs`, ...rest])
})
