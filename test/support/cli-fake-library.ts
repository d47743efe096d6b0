/** A fake library: a model that does nothing, behind a server. Environment variables control it. */
import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Library } from '../../src/cli/serving/model-server.js'
import { TetherError } from '../../src/errors.js'
import type { Model } from '../../src/load-model.js'
import type { GenerateOptions } from '../../src/model/types.js'

const {
  FAKE_LOAD_MS = '0',
  FAKE_LOAD_ERROR,
  FAKE_LOAD_UNTIL,
  FAKE_WINDOW = '65536',
  FAKE_CRASH_MS,
  FAKE_GENERATE_MS = '0',
  FAKE_NOISE,
  FAKE_OPTIONS,
  FAKE_NOTICE,
  FAKE_OUTPUT_TOKENS = '0',
} = process.env

let loadedWith = {}

export const fakeLibrary: Library = {
  async loadModel(path, options) {
    const { onProgress, name = 'fake' } = options
    loadedWith = options
    for (let step = 0; step <= 4; step++) {
      await sleep(Number(FAKE_LOAD_MS) / 5)
      onProgress?.(step / 4)
      // A file that the test writes once it has seen enough.
      while (step === 2 && FAKE_LOAD_UNTIL && !existsSync(FAKE_LOAD_UNTIL)) {
        await sleep(50)
        onProgress?.(0.5)
      }
    }
    if (FAKE_LOAD_ERROR === 'unexpected') throw new TypeError('weights is not iterable')
    if (FAKE_LOAD_ERROR) throw new TetherError('bad_weights', FAKE_LOAD_ERROR)
    if (FAKE_NOISE) setInterval(makeNoise, 50).unref()
    const facts = { quantization: '4-bit', device: 'cpu', computeDtype: 'f32', parameters: 2e9, vocabSize: 100 }
    const window = Number(FAKE_WINDOW)
    const own = [name, ...(options.adapters ?? []).map((adapter) => basename(adapter))].join(':')
    const of = { name: own, names: [own], path, warnings: [] }
    const info = { ...of, window, windowLimit: 'checkpoint', trainedWindow: window, ...facts }
    const stats = () => ({
      ...{ live: 0, queued: 0, promptTokens: 0, cachedTokens: 0, outputTokens: Number(FAKE_OUTPUT_TOKENS) },
      memory: { weights: 1000 },
      cache: { notices: FAKE_NOTICE ? [FAKE_NOTICE] : [] },
    })
    return { info, stats, generate: generateSteadily, close: async () => {} } as unknown as Model
  },

  async serve(model, { host = '127.0.0.1', port, apiKeys = {}, keysComing, models = [], onLog, onOverflow }) {
    let keys = Object.entries(apiKeys)
    const needsKey = keys.length > 0
    let ready = false
    model.then(
      () => {
        ready = true
        if (FAKE_OPTIONS) writeFileSync(FAKE_OPTIONS, JSON.stringify({ ...loadedWith, onOverflow }))
      },
      () => {},
    )
    const server = createServer((request, response) => {
      const path = request.url ?? ''
      const [key] = keys.find(([, each]) => request.headers.authorization === `Bearer ${each}`) ?? []
      const allowed = path === '/health' || !needsKey || key !== undefined
      const status = !allowed ? (keysComing?.() ? 529 : 401) : path === '/health' && !ready ? 503 : 200
      const usage = { input_tokens: 5, output_tokens: 3 }
      const answer = { status: ready ? 'ok' : 'loading', content: [{ type: 'text', text: 'pineapple' }], usage }
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
      // Once Claude Code has asked: how long it takes to start depends on the machine.
      if (FAKE_CRASH_MS && path !== '/health' && allowed) {
        setTimeout(() => Promise.reject(new Error('a fault on purpose')), Number(FAKE_CRASH_MS))
      }
      const outputTokens = allowed ? Number(FAKE_OUTPUT_TOKENS) : 0
      onLog?.({ method: request.method ?? '', path, status, ms: 1, key, ...(outputTokens ? { outputTokens } : {}) })
    })
    await new Promise<void>((resolve, reject) => {
      server.on('error', () => reject(new TetherError('port_in_use', `${host}:${port} is taken`)))
      server.listen(port, host, resolve)
    })
    const address = server.address()
    const taken = typeof address === 'object' && address ? address.port : 0
    const close = () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    const setKeys = (others: Readonly<Record<string, string>>) => {
      keys = Object.entries(others)
    }
    const load = async (name: string) =>
      ((await models.find((one) => one.name === name)?.load({})) ?? (await model)).info
    const url = `http://127.0.0.1:${taken}`
    const nothing = { setTls: () => {}, models: () => [], requests: () => 0 }
    return { url, port: taken, close, setKeys, load, ...nothing }
  },
}

/** Reports 1000 tokens/s of prefill and 100 of decode; it really takes FAKE_GENERATE_MS. */
async function* generateSteadily({ tokens, maxTokens = 1, signal }: GenerateOptions) {
  await sleep(Number(FAKE_GENERATE_MS), undefined, { signal }).catch(() => {})
  const promptTokens = tokens?.length ?? 0
  const times = { queueSeconds: 0, prefillSeconds: promptTokens / 1000, decodeSeconds: (maxTokens - 1) / 100 }
  const reason = signal?.aborted ? 'cancelled' : 'length'
  yield { text: '', finish: { reason, promptTokens, cachedTokens: 0, outputTokens: maxTokens, ...times } }
}

/** Everything in a program that may print over a screen. */
function makeNoise(): void {
  process.emitWarning('noise: a warning')
  console.error('noise: on stderr')
  console.log('noise: on stdout')
}
