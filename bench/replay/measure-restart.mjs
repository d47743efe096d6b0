// The next turn of a conversation whose server was killed, beside the same one with an empty folder.
import { median } from '../numbers.mjs'
import { sendMessages } from './client.mjs'
import { conversation } from './conversations.mjs'
import { reportReuse } from './measure-reuse.mjs'
import { reuseWatch } from './reuse.mjs'
import { step } from './scenarios.mjs'
import { written } from './tether.mjs'

/** Milliseconds from a server's start to the first request: Claude Code takes about as long (bench/README.md). */
const CLAUDE_STARTS = 500

export async function measureRestart({ tether, runs, turns, size }) {
  const ratios = { 'first token': [], prefill: [] }
  for (let run = 0; run < runs; run++) {
    const watch = reuseWatch()
    const folder = `restart ${run}`
    const request = await killedBefore(() => tether(folder, { watch }), { watch, run, turns, size })
    const starts = { cold: () => tether(`cold ${run}`), again: () => tether(folder, { watch }) }
    const times = {}
    for (const name of run % 2 ? ['cold', 'again'] : ['again', 'cold']) {
      const server = await starts[name]()
      await new Promise((resolve) => setTimeout(resolve, CLAUDE_STARTS))
      const { first } = await sendMessages(server.url, request)
      const { prefillSeconds } = await server.ask('stats')
      times[name] = { 'first token': first, prefill: 1000 * prefillSeconds }
      await server.kill()
    }
    reportReuse(`after a restart, run ${run + 1}`, await watch.take())
    for (const [what, all] of Object.entries(ratios)) {
      const [cold, again] = [times.cold[what], times.again[what]]
      console.log(`  ${what}: ${again.toFixed(0)} ms, cold ${cold.toFixed(0)} ms`)
      all.push(cold / again)
    }
  }
  for (const [what, all] of Object.entries(ratios))
    console.log(
      `after a restart, ${what}: ${median(all).toFixed(1)}x as fast as cold (${all.map((x) => x.toFixed(1)).join(', ')})`,
    )
}

/** Kills a server when all is written. -> the next request, for one token */
async function killedBefore(start, { watch, run, turns, size }) {
  const talk = conversation({ ...size, seed: 500 + run })
  const server = await start()
  for (let turn = 1; turn < turns; turn++) await step(server.url, talk)
  await watch.take()
  await written(server)
  await server.kill()
  return { ...talk.next(), max_tokens: 1 }
}
