// Clients of the server, many in one process, which has to cost the server's process nothing.
import { connect } from 'node:net'
import { slowAndIdle } from './client-connections.mjs'
import { mixed } from './client-mixed.mjs'
import { answerParent } from './program.mjs'

const { port } = JSON.parse(process.argv[2])
const END = Buffer.from('\n\n')

/** Reads one stream after another, and counts events, until `until` by Date.now(). */
async function streams({ count, until, tokens }) {
  const each = await Promise.all(Array.from({ length: count }, () => oneAfterAnother({ until, tokens })))
  return each.reduce((sum, { events, answers }) => ({ events: sum.events + events, answers: sum.answers + answers }))
}

async function oneAfterAnother({ until, tokens }) {
  const all = { events: 0, answers: 0 }
  while (Date.now() < until) {
    all.events += await stream(tokens)
    all.answers++
  }
  return all
}

/** -> the events of a streamed answer, on a connection of its own */
function stream(tokens) {
  const body = JSON.stringify({
    model: 'local',
    max_tokens: tokens,
    stream: true,
    messages: [{ role: 'user', content: 'Tell me more.' }],
  })
  const head = `POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n`
  const socket = connect(port, '127.0.0.1')
  socket.write(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
  return new Promise((resolve, reject) => {
    let events = 0
    let tail = ''
    socket.on('data', (piece) => {
      for (let at = piece.indexOf(END); at >= 0; at = piece.indexOf(END, at + 2)) events++
      tail = (tail + piece.toString('latin1', Math.max(0, piece.length - 200))).slice(-200)
    })
    socket.on('error', reject)
    socket.on('close', () =>
      tail.includes('message_stop') ? resolve(events) : reject(new Error(`a stream was cut off after: ${tail}`)),
    )
  })
}

answerParent(
  {},
  { streams, slowAndIdle: (about) => slowAndIdle({ port, ...about }), mixed: (about) => mixed({ port, ...about }) },
)
