// How long a normal request takes beside hundreds of connections that are slow or idle.
import { median } from '../numbers.mjs'
import { startProgram } from './program.mjs'

export async function measureConnections({ slow, idle, runs }) {
  const server = await startProgram('server-program.mjs')
  const client = await startProgram('client-program.mjs', server.ready)
  const { alone, beside, open } = await client.ask('slowAndIdle', { slow, idle, count: runs * 40 })
  await client.end()
  await server.end()
  console.log(
    `\na request beside ${slow} connections of a byte a second and ${idle} idle ones (${open} open at the end)`,
  )
  console.log('               median      95%   longest')
  for (const [name, times] of Object.entries({ alone, beside })) {
    const sorted = times.toSorted((a, b) => a - b)
    const numbers = [median(times), sorted[Math.floor(0.95 * sorted.length)], sorted.at(-1)]
    console.log(`  ${name.padEnd(8)} ${numbers.map((number) => `${number.toFixed(1)} ms`.padStart(9)).join('')}`)
  }
}
