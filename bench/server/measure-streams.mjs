// What a streamed event costs the server's process, and whether its memory grows.
import { median } from '../numbers.mjs'
import { startProgram } from './program.mjs'

/** `profile`: a folder for a CPU profile of the server. */
export async function measureStreams({ clients, seconds, tokens, profile }) {
  const flags = profile ? ['--cpu-prof', `--cpu-prof-dir=${profile}`] : []
  const server = await startProgram('server-program.mjs', {}, flags)
  const client = await startProgram('client-program.mjs', server.ready)
  const run = (until) => client.ask('streams', { count: clients, until, tokens })
  // V8 lets its heap grow for a while.
  await run(Date.now() + seconds * 500)
  const before = await server.ask('cost')
  const began = performance.now()
  const { events, answers } = await run(Date.now() + seconds * 1000)
  const took = (performance.now() - began) / 1000
  const { cpu, memory, live } = await server.ask('cost')
  await client.end()
  await server.end()
  const used = (cpu - before.cpu) / 1000
  console.log(`\n${clients} streams of ${tokens} tokens, ${took.toFixed(0)} s, an engine that computes nothing`)
  console.log(`  ${events} events in ${answers} answers: ${Math.round(events / took)} events/s`)
  console.log(
    `  ${(used / events).toFixed(4)} ms of the server's CPU an event: ${Math.round((1000 * events) / used)} events a CPU second`,
  )
  console.log(`  the server had ${Math.round((100 * used) / 1000 / took)}% of a core`)
  sayMemory(memory)
  console.log(`  ${live} requests left in the engine`)
}

/** The last quarter of a run beside its second. */
export function sayMemory(samples) {
  const quarter = (n) => median(samples.slice((n * samples.length) / 4, ((n + 1) * samples.length) / 4))
  const [second, last] = [quarter(1), quarter(3)]
  const mb = (bytes) => Math.round(bytes / 1e6)
  console.log(
    `  memory: ${mb(second)} MB in the second quarter, ${mb(last)} MB in the last: ${(last / second).toFixed(3)}x`,
  )
}
