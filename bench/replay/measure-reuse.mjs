// How much of conversations is reused, each with a new server and an empty folder.
import { reuseWatch } from './reuse.mjs'
import { scenarios } from './scenarios.mjs'

export async function measureReuse({ tether, recording, turns, size }) {
  for (const [name, play] of Object.entries(scenarios({ recording, turns, size }))) {
    const watch = reuseWatch()
    const server = await tether(name, { watch })
    await play(server.url)
    reportReuse(name, await watch.take())
    await server.kill()
  }
}

export function reportReuse(name, { requests, prompt, possible, reused, short }) {
  const percent = ((100 * reused) / possible).toFixed(3)
  console.log(
    `${name}: ${percent}% of the possible (${reused} of ${possible} tokens; ${requests} prompts of ${prompt} tokens)`,
  )
  for (const { possible: could, reused: did, miss } of short)
    console.log(`  one prompt: ${did} of ${could}, ${miss?.reason} at ${miss?.at}`)
}
