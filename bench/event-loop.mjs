// npm run bench:loop [-- MIB [FILTER]]: the longest time for which the thread that answers did nothing else, by what a request
// is made of: bodies just below 64 KiB, and of that many MiB (8). FILTER: a regular expression for the lines.
import { once } from 'node:events'
import { request } from 'node:http'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'

const many = (count, make) => Array.from({ length: count }, (_, i) => make(i))
const said = (content) => [{ role: 'user', content }]
const repeated = (size, make) => many(Math.floor(size / (JSON.stringify(make(1000)).length + 1)), make)
const text = { type: 'text', text: 'a' }
const tool = (i) => ({ name: `t${i}`, input_schema: { type: 'object', properties: { a: { type: 'string' } } } })
const properties = (size) => Object.fromEntries(repeated(size / 3, (i) => [`property${i}`, { type: 'string' }]))

/** What a body of about `size` bytes is made of. */
const makers = {
  'one word': (size) => ({ messages: said('a'.repeat(size)) }),
  words: (size) => ({ messages: said('some words here '.repeat(size / 16)) }),
  'messages of one role': (size) => ({ messages: repeated(size, () => said('a')[0]) }),
  turns: (size) => {
    const turns = repeated(size, (i) => ({ role: i % 2 ? 'assistant' : 'user', content: 'a' }))
    return { messages: [...turns, ...said('a')] }
  },
  blocks: (size) => ({ messages: said(repeated(size, () => text)) }),
  tools: (size) => ({ tools: repeated(size, tool), messages: said('a') }),
  'one schema': (size) => ({
    tools: [{ name: 't', input_schema: { type: 'object', properties: properties(size) } }],
    messages: said('a'),
  }),
  'unknown fields': (size) => ({ ...properties(size * 2), messages: said('a') }),
}

const shapes = {
  '/v1/messages': (body) => body,
  '/v1/messages/count_tokens': (body) => body,
  '/v1/chat/completions': ({ tools, ...body }) => ({
    ...body,
    tools: tools?.map(({ name, input_schema }) => ({ type: 'function', function: { name, parameters: input_schema } })),
  }),
  '/v1/responses': ({ tools, messages, ...body }) => ({
    ...body,
    input: messages,
    tools: tools?.map(({ name, input_schema }) => ({ type: 'function', name, parameters: input_schema })),
  }),
}

/** Sends from a thread of its own, so that writing a body does not count. */
function sendOnDemand() {
  parentPort.on('message', ({ port, path, body }) => {
    const sent = request(
      { port, path, method: 'POST', headers: { 'content-type': 'application/json' } },
      (response) => {
        response.resume()
        response.on('end', () => parentPort.postMessage(response.statusCode))
      },
    )
    sent.on('error', ({ code }) => parentPort.postMessage(code))
    sent.end(body)
  })
}

async function measure([mib = '8', filter = '']) {
  const root = join(import.meta.dirname, '..')
  const { loadModel, serve } = await import(join(root, 'dist', 'index.js'))
  const model = await loadModel(join(root, 'demo', 'model'), { maxContext: 4096 })
  const server = await serve(model, { port: 0 })
  const client = new Worker(new URL(import.meta.url))
  const send = async (path, body) => {
    client.postMessage({ port: server.port, path, body: JSON.stringify({ model: 'x', max_tokens: 1, ...body }) })
    return (await once(client, 'message'))[0]
  }
  const delays = monitorEventLoopDelay({ resolution: 1 })
  delays.enable()
  const sizes = { '64 KiB': 63 * 1024, [`${mib} MiB`]: Number(mib) * 2 ** 20 }
  for (const [label, size] of Object.entries(sizes)) {
    for (const [name, make] of Object.entries(makers)) {
      const body = make(size)
      for (const [path, shape] of Object.entries(shapes)) {
        const line = `${label.padEnd(7)} ${name.padEnd(21)} ${path.padEnd(26)}`
        if (!new RegExp(filter).test(line)) continue
        await send(path, shape({ messages: said('a') }))
        await sleep(20)
        delays.reset()
        const started = performance.now()
        const status = await send(path, shape(body))
        const took = performance.now() - started
        await sleep(5)
        console.log(`${line} ${status} longest ${(delays.max / 1e6).toFixed(0).padStart(5)} ms of ${took.toFixed(0)}`)
      }
    }
  }
  await client.terminate()
  await server.close()
  await model.close()
}

if (isMainThread) await measure(process.argv.slice(2))
else sendOnDemand()
