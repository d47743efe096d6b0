// Requests of all kinds with disconnects: whether one is lost, and what is left of them.
import { sayMemory } from './measure-streams.mjs'
import { startProgram } from './program.mjs'

export async function measureMixed({ requests, clients }) {
  const server = await startProgram('server-program.mjs')
  const client = await startProgram('client-program.mjs', server.ready)
  // A third of those that mean to leave have their answer before; the others are a fifth of all.
  const run = (count) => client.ask('mixed', { count, together: clients, leave: 0.3 })
  // V8 lets its heap grow for a while.
  await run(Math.ceil(requests / 3))
  const before = await server.ask('cost')
  const began = performance.now()
  const outcomes = await run(requests)
  const took = (performance.now() - began) / 1000
  await client.end()
  // What a client leaves behind is gone within a pass.
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const { memory, live, lines } = await server.ask('cost')
  const status = await (await fetch(`${server.ready.url}/status`)).json()
  await server.end()
  const { right, left, refused, wrongs, wrong } = outcomes
  console.log(`\n${requests} requests of all kinds, ${clients} at a time, ${took.toFixed(0)} s`)
  console.log(
    `  ${right} answered, ${left} left, ${refused} refused, ${wrongs} wrong, ${requests - right - left - refused - wrongs} lost`,
  )
  for (const one of wrong) console.log(`    ${one}`)
  console.log(`  ${lines - before.lines} lines in the log; afterwards ${live} requests live, ${status.queued} queued`)
  sayMemory(memory)
}
