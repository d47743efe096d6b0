// npm run bench:loop [-- SIZES [FILTER]]: the longest time for which the thread that answers did nothing else, by what a request
// is made of (Linux: of the processor). SIZES: of bodies, in MiB (0.06,1,8,32). FILTER: a regular expression for the lines.
import { once } from 'node:events'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { watchStretches } from '../test/support/stretches.mjs'

const many = (count, make) => Array.from({ length: count }, (_, i) => make(i))
const said = (content) => [{ role: 'user', content }]
const repeated = (size, make) => many(Math.floor(size / (JSON.stringify(make(1_000_000)).length + 1)), make)
const text = { type: 'text', text: 'a' }
const image = (data) => ({ type: 'image', source: { type: 'base64', media_type: 'image/png', data } })
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
  'an image': (size) => ({ messages: said([image('A'.repeat(size - 100))]) }),
  'a tool that cannot run': (size) => ({
    tools: [{ type: 'web_search', properties: properties(size * 2) }],
    messages: said('a'),
  }),
  'unknown fields': (size) => ({ ...properties(size * 2), messages: said('a') }),
}

const shapes = {
  '/v1/messages': (body) => body,
  '/v1/messages/count_tokens': (body) => body,
  '/v1/chat/completions': ({ tools, ...body }) => ({
    ...body,
    tools: tools?.map(({ name, input_schema, ...more }) =>
      name ? { type: 'function', function: { name, parameters: input_schema } } : more,
    ),
  }),
  '/v1/responses': ({ tools, messages, ...body }) => ({
    ...body,
    input: messages,
    tools: tools?.map(({ name, input_schema, ...more }) =>
      name ? { type: 'function', name, parameters: input_schema } : more,
    ),
  }),
}

/** Sends from a thread of its own, so that writing a body does not count. It gets the request first, and then a word. */
function sendOnDemand() {
  let next
  parentPort.on('message', (message) => {
    if (message !== 'send') {
      next = message
      return parentPort.postMessage('ready')
    }
    const { port, path, body } = next
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

async function measure([mib = '0.06,1,8,32', filter = '']) {
  const root = join(import.meta.dirname, '..')
  const { loadModel, serve } = await import(join(root, 'dist', 'index.js'))
  const model = await loadModel(join(root, 'demo', 'model'), { maxContext: 4096 })
  const server = await serve(model, { port: 0 })
  const client = new Worker(new URL(import.meta.url))
  const tell = async (message) => {
    client.postMessage(message)
    return (await once(client, 'message'))[0]
  }
  const prepare = (path, body) =>
    tell({ port: server.port, path, body: JSON.stringify({ model: 'x', max_tokens: 1, ...body }) })
  const longest = watchStretches()
  for (const number of mib.split(',')) {
    // What stands around it must not make it larger than the server takes.
    const size = Number(number) * 2 ** 20 - 1024
    const all = []
    for (const [name, make] of Object.entries(makers)) {
      const body = make(size)
      for (const [path, shape] of Object.entries(shapes)) {
        const line = `${number.padStart(4)} MiB ${name.padEnd(22)} ${path.padEnd(26)}`
        if (!new RegExp(filter).test(line)) continue
        await prepare(path, shape({ messages: said('a') }))
        await tell('send')
        await prepare(path, shape(body))
        await sleep(20)
        longest()
        const started = performance.now()
        const status = await tell('send')
        const took = performance.now() - started
        await sleep(5)
        all.push(longest())
        console.log(`${line} ${status} longest ${all.at(-1).toFixed(1).padStart(6)} ms of ${took.toFixed(0)}`)
      }
    }
    const over = all.filter((one) => one > 20).length
    console.log(`${number} MiB: the longest ${Math.max(...all).toFixed(0)} ms; ${over} of ${all.length} above 20 ms`)
  }
  await client.terminate()
  await server.close()
  await model.close()
}

if (isMainThread) await measure(process.argv.slice(2))
else sendOnDemand()
