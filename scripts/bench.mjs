// npm run bench: prefill and decode speed of the engine; bench:engine: several requests together; bench:growth: long
// prompts; bench:kv: the cost of quantized keys and values; bench:startup: how long tether takes to start; bench:cache:
// what the prefix cache evicts; bench:replay: what it reuses of conversations; bench:server: what the server costs beside
// the engine; bench:loop: how long a request holds the thread that answers; bench:real: what bits of real weights cost;
// bench:decode: what drafts gain.
import { run, script, setup } from './setup.mjs'

await script(async (args) => {
  await setup()
  const benches = ['batch', 'cache', 'decode', 'event-loop', 'growth', 'kv-bits', 'real', 'replay', 'server', 'startup']
  const [bench, ...rest] = benches.includes(args[0]) ? args : ['engine', ...args]
  return run(process.execPath, [`bench/${bench}.mjs`, ...rest])
})
