// What HTTP, protocol and text cost of a turn beside the engine, with the demo model.
import { claudeCodeRequest } from '../../test/support/claude-code-request.mjs'
import { median } from '../numbers.mjs'
import { sendMessages } from '../replay/client.mjs'
import { startProgram } from './program.mjs'

export async function measureStages({ runs }) {
  const server = await startProgram('server-program.mjs', { isFake: false })
  const { url } = server.ready
  const cold = []
  const warm = []
  await turn(server, url, coldRequest('first'))
  for (let i = 0; i < runs; i++) {
    const request = coldRequest(i)
    const first = await turn(server, url, request)
    cold.push(first)
    const more = { role: 'user', content: `Say coconut ${i}.` }
    const messages = [...request.messages, { role: 'assistant', content: first.content }, more]
    warm.push(await turn(server, url, { ...request, messages }))
  }
  await server.end()
  console.log(`\na turn of Claude Code's size, medians of ${runs}   whole   engine   the rest   share`)
  for (const [name, turns] of Object.entries({ cold, warm })) {
    const [whole, engine, rest] = ['whole', 'engine', 'rest'].map((what) => median(turns.map((one) => one[what])))
    const share = median(turns.map((one) => one.rest / one.whole))
    const reused = median(turns.map(({ reused: tokens }) => tokens))
    console.log(
      `  ${name} (${reused} tokens reused): ${ms(whole)} ${ms(engine)} ${ms(rest)} ${(100 * share).toFixed(1)}%`,
    )
  }
}

/** A session of its own, which shares nothing with earlier ones. */
function coldRequest(number) {
  const request = claudeCodeRequest('Say pineapple.', [], 16)
  const session = { type: 'text', text: `Session ${number} of this bench.` }
  const tools = request.tools.map((tool, i) => (i === 0 ? { ...tool, name: `Tool${number}` } : tool))
  return { ...request, tools, thinking: undefined, system: [session, ...request.system] }
}

async function turn(server, url, request) {
  await server.ask('cost')
  const { all, content, usage } = await sendMessages(url, request)
  const { generations } = await server.ask('cost')
  const engine = generations.reduce((sum, one) => sum + one, 0)
  return { whole: all, engine, rest: all - engine, content, reused: usage.cache_read_input_tokens }
}

function ms(number) {
  return `${number.toFixed(1)} ms`.padStart(10)
}
