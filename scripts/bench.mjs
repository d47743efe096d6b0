// npm run bench: prefill and decode speed of the engine; npm run bench:engine: several requests together.
import { run, script, setup } from './setup.mjs'

await script(async (args) => {
  await setup()
  const [bench, ...rest] = args[0] === 'batch' ? args : ['engine', ...args]
  return run(process.execPath, [`bench/${bench}.mjs`, ...rest])
})
