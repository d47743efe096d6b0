// tether itself, as a program, with the scripted model in the place of what a model would answer. Where TETHER_RECORD names
// a file, what clients send is written there.
import { main } from '../../dist/cli/main.js'
import { loadModel, serve } from '../../dist/index.js'
import { recordingProxy } from './recording-proxy.mjs'
import { scripted } from './scripted-model.mjs'

const record = process.env.TETHER_RECORD
const library = {
  loadModel: async (dir, options) => scripted(await loadModel(dir, options)),
  serve: record ? serveRecorded : serve,
}
process.exit(await main(process.argv.slice(2), { library: async () => library }))

async function serveRecorded(model, options) {
  const server = await serve(model, { ...options, port: 0 })
  const proxy = await recordingProxy(server.url, options.port, record)
  const close = () => {
    proxy.close()
    return server.close()
  }
  return { ...server, url: `http://127.0.0.1:${proxy.port}`, port: proxy.port, close }
}
