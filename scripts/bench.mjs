// npm run bench: prefill and decode speed of the engine.
import { run, script, setup } from './setup.mjs'

await script(async (args) => {
  await setup()
  return run(process.execPath, ['bench/engine.mjs', ...args])
})
