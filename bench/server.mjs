// What the server costs beside the engine: a turn's stages, a streamed event, slow connections, thousands of requests.
import { parseArgs } from 'node:util'
import { measureConnections } from './server/measure-connections.mjs'
import { measureMixed } from './server/measure-mixed.mjs'
import { measureStages } from './server/measure-stages.mjs'
import { measureStreams } from './server/measure-streams.mjs'
import { endAll } from './server/program.mjs'

const { values: options } = parseArgs({
  options: {
    parts: { type: 'string', default: 'stages,streams,connections,mixed' },
    runs: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '20' },
    clients: { type: 'string', default: '64' },
    tokens: { type: 'string', default: '500' },
    slow: { type: 'string', default: '300' },
    idle: { type: 'string', default: '500' },
    requests: { type: 'string', default: '10000' },
    profile: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const HELP = `npm run bench:server -- [options]
  --parts LIST      stages, streams, connections, mixed (all)
  --runs 5          turns of stages; 40 requests of connections each
  --seconds 20      how long streams are read
  --clients 64      streams, or mixed requests, at a time
  --tokens 500      of each streamed answer
  --slow 300, --idle 500
                    connections that send a byte a second, or nothing
  --requests 10000  of the part mixed
  --profile FOLDER  where to write a CPU profile of the server, for streams`

const parts = { stages: measureStages, streams: measureStreams, connections: measureConnections, mixed: measureMixed }

if (options.help) console.log(HELP)
else {
  const numbers = Object.entries(options).map(([name, value]) => [name, Number(value)])
  const { profile } = options
  try {
    for (const part of options.parts.split(',')) {
      if (!parts[part]) throw new Error(`there is no part ${part} (${Object.keys(parts).join(', ')})`)
      await parts[part]({ ...Object.fromEntries(numbers), profile })
    }
  } finally {
    endAll()
  }
}
