// Requests of all kinds, some of whose clients leave: what became of each.
import { Agent, request } from 'node:http'
import { random } from '../../test/support/claude-code-request.mjs'

const user = (content) => [{ role: 'user', content }]

/** What may be asked, and how an answer to the end looks. */
const KINDS = [
  { path: '/v1/messages', body: { max_tokens: 24, stream: true, messages: user('Go on.') }, ends: /message_stop/ },
  { path: '/v1/messages', body: { max_tokens: 24, messages: user('Go on.') }, ends: /"stop_reason":"max_tokens"/ },
  { path: '/v1/messages', body: { max_tokens: 400, stream: true, messages: user('Go on.') }, ends: /message_stop/ },
  { path: '/v1/messages', body: { max_tokens: 8, messages: user('word '.repeat(3000)) }, ends: /stop_reason/ },
  { path: '/v1/messages', body: { max_tokens: 8, messages: user('word '.repeat(20_000)) }, ends: /stop_reason/ },
  { path: '/v1/messages/count_tokens', body: { messages: user('Count me.') }, ends: /^\{"input_tokens":\d+\}$/ },
  { path: '/v1/chat/completions', body: { max_tokens: 24, stream: true, messages: user('Go on.') }, ends: /\[DONE\]/ },
  {
    path: '/v1/responses',
    body: { max_output_tokens: 24, input: 'Go on.', store: false },
    ends: /"status":"incomplete"/,
  },
  { path: '/v1/completions', body: { max_tokens: 24, prompt: 'Go on' }, ends: /"finish_reason":"length"/ },
  { path: '/v1/messages', body: { max_tokens: 0, messages: [] }, status: 400, ends: /invalid_request_error/ },
  { path: '/status', ends: /"live":/ },
  { path: '/health', ends: /"status":"ok"/ },
]

/** `count` requests, `together` at a time, of which the share `leave` breaks off at some time. -> how many ended how */
export async function mixed({ port, count, together, leave }) {
  const next = random(1)
  const agent = new Agent({ keepAlive: true, maxSockets: together })
  const outcomes = { right: 0, left: 0, refused: 0, wrong: [] }
  let sent = 0
  const one = async () => {
    while (sent < count) {
      const number = sent++
      const kind = KINDS[Math.floor(next() * KINDS.length)]
      // Most within the time that an answer takes, some before the request is whole.
      const leaves = next() < leave ? next() * 120 : undefined
      const { path, status = 200, ends } = kind
      const reply = await ask(`http://127.0.0.1:${port}${path}`, { agent, body: bodyOf(kind, number), leaves })
      if (reply.left) outcomes.left++
      else if (reply.status === 429) outcomes.refused++
      else if (reply.status === status && ends.test(reply.text)) outcomes.right++
      else outcomes.wrong.push(`${path}: ${reply.status} ${reply.text.slice(-200)}`)
    }
  }
  await Promise.all(Array.from({ length: together }, one))
  agent.destroy()
  return { ...outcomes, wrong: outcomes.wrong.slice(0, 5), wrongs: outcomes.wrong.length }
}

/** The number makes equal kinds different requests. */
function bodyOf({ body }, number) {
  return body && JSON.stringify({ model: `local-${number}`, ...body })
}

function ask(url, { agent, body, leaves }) {
  return new Promise((resolve) => {
    const headers = body ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } : {}
    let left = false
    const asked = request(url, { method: body ? 'POST' : 'GET', agent, headers }, (reply) => {
      let text = ''
      reply.setEncoding('utf8').on('data', (piece) => {
        text += piece
      })
      const over = () => resolve({ left, status: reply.statusCode, text })
      reply.on('end', over).on('error', over)
    })
    asked.on('error', (error) => resolve({ left, status: error.code, text: '' }))
    const timer =
      leaves === undefined
        ? undefined
        : setTimeout(() => {
            left = true
            asked.destroy()
          }, leaves)
    asked.on('close', () => clearTimeout(timer))
    asked.end(body)
  })
}
