// Connections that send one byte a second, and others that send nothing, beside normal requests.
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'

const BODY = JSON.stringify({ model: 'local', max_tokens: 8, messages: [{ role: 'user', content: 'Say pineapple.' }] })

/** -> milliseconds of each normal request, `count` before the connections are open and `count` while they are */
export async function slowAndIdle({ port, slow, idle, count }) {
  const agent = new Agent({ keepAlive: true })
  const url = `http://127.0.0.1:${port}/v1/messages`
  await times(url, agent, 20)
  const alone = await times(url, agent, count)
  const sockets = await Promise.all(Array.from({ length: slow + idle }, () => open(port)))
  const slowOnes = sockets.slice(0, slow)
  const head =
    'POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n'
  for (const socket of slowOnes) socket.write(head)
  // Spread over the second, as clients that know nothing of each other are.
  const timers = slowOnes.map((socket, i) => setTimeout(() => drip(socket, timers, i), (1000 * i) / slow))
  const beside = await times(url, agent, count)
  const open_ = sockets.filter(({ readyState }) => readyState === 'open').length
  for (const timer of timers) clearTimeout(timer)
  for (const socket of sockets) socket.destroy()
  agent.destroy()
  return { alone, beside, open: open_ }
}

function drip(socket, timers, i) {
  socket.write(' ')
  timers[i] = setTimeout(() => drip(socket, timers, i), 1000)
}

async function open(port) {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** One request after another, with a pause, so that they meet all that happens within a second. */
async function times(url, agent, count) {
  const all = []
  for (let i = 0; i < count; i++) {
    const began = performance.now()
    await answered(url, agent)
    all.push(performance.now() - began)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return all
}

function answered(url, agent) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': BODY.length }
    const asked = request(url, { method: 'POST', agent, headers }, (reply) => {
      reply.resume()
      reply.on('end', () => (reply.statusCode === 200 ? resolve() : reject(new Error(`status ${reply.statusCode}`))))
    })
    asked.on('error', reject)
    asked.end(BODY)
  })
}
