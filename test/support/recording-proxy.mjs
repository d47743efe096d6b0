// A proxy before a server that writes down what a client sends: a line of JSON for each request.
import { appendFileSync } from 'node:fs'
import { createServer, request } from 'node:http'

/** Listens on this port (0: any) for the server at `target`. -> its port, and what closes it */
export async function recordingProxy(target, port, file) {
  const write = (entry) => appendFileSync(file, `${JSON.stringify(entry)}\n`)
  const proxy = createServer((incoming, outgoing) => {
    const { method, url, headers } = incoming
    const chunks = []
    const onward = request(new URL(url, target), { method, headers }, (answer) => {
      write({ method, url, headers, body: bodyOf(chunks), status: answer.statusCode })
      outgoing.writeHead(answer.statusCode, answer.headers)
      answer.pipe(outgoing)
      answer.on('error', () => outgoing.destroy())
    })
    onward.on('error', () => outgoing.destroy())
    // A client that leaves ends its request at the server too.
    outgoing.on('close', () => onward.destroy())
    incoming.on('data', (chunk) => chunks.push(chunk))
    incoming.pipe(onward)
  })
  await new Promise((resolve) => proxy.listen(port, '127.0.0.1', resolve))
  const close = () => {
    proxy.close()
    proxy.closeAllConnections()
  }
  return { port: proxy.address().port, close }
}

function bodyOf(chunks) {
  const text = Buffer.concat(chunks).toString()
  return text === '' ? undefined : JSON.parse(text)
}
