/** Several real models in one server, in a memory that holds one or two of them. */
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Anthropic from '@anthropic-ai/sdk'
import { expect, onTestFinished, test } from 'vitest'
import { loadModel } from '../../src/load-model.js'
import { type ModelReport, type ServeOptions, type Server, serve } from '../../src/server/serve.js'

const DEMO = 'demo/model'
const MIB = 1 << 20
const CHUNK = { prefillChunk: 64, maxContext: 4096 }

interface Started {
  server: Server
  anthropic: Anthropic
  /** What /status says of each model. */
  states(): Promise<ModelReport[]>
  /** The most that all models take, as each counts it. */
  memory(): Promise<{ weights: number; kv: number; prefix: number; cap: number }>
}

/** Serves copies of the demo model by these names, the first of them loaded, with so many bytes beside one's weights. */
async function start(names: string[], beside: number, more: ServeOptions = {}): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), 'tether-models-'))
  const cacheDir = join(folder, 'prefixes')
  for (const name of names) await cp(DEMO, join(folder, name), { recursive: true })
  const probe = await loadModel(DEMO, CHUNK)
  const memoryCap = probe.info.memory.weights + beside
  await probe.close()
  const load = (name: string, how: object) => loadModel(join(folder, name), { ...CHUNK, memoryCap, cacheDir, ...how })
  const first = await load(names[0] as string, { asksForRoom: true })
  const models = names.map((name) => ({ name, load: (how: object) => load(name, how) }))
  const server = await serve(first, { port: 0, models, ...more })
  onTestFinished(async () => {
    await server.close()
    await first.close()
    await rm(folder, { recursive: true, force: true })
  })
  const get = async (path: string) => (await fetch(server.url + path)).json() as never
  return {
    server,
    anthropic: new Anthropic({ baseURL: server.url, apiKey: 'any', maxRetries: 0 }),
    states: async () => ((await get('/status')) as { models: never }).models,
    memory: async () => ((await get('/activity')) as { memory: never }).memory,
  }
}

const say = (model: string, word: string, before = '') => ({
  ...{ model, max_tokens: 30, temperature: 0 },
  messages: [{ role: 'user' as const, content: `${before}Say ${word}.` }],
})
const textOf = ({ content }: Anthropic.Message) => content.map((part) => ('text' in part ? part.text : '')).join('')

test('a model that returns finds its prefixes on disk', async () => {
  const long = 'The quick brown fox jumps over the lazy dog. '.repeat(60)
  const { anthropic, states } = await start(['one', 'two'], 7 * MIB)
  const ask = (model: string) => anthropic.messages.create(say(model, 'pineapple', long))
  const first = await ask('one')
  expect(first.usage.cache_read_input_tokens).toBe(0)
  const other = await ask('two')
  expect((await states()).map(({ name, state }) => [name, state])).toEqual([
    ['one', 'unloaded'],
    ['two', 'ready'],
  ])
  const again = await ask('one')
  expect(textOf(again)).toBe(textOf(first))
  expect(textOf(other)).toBe(textOf(first))
  expect(again.usage.cache_read_input_tokens).toBeGreaterThan(again.usage.input_tokens)
  // Counted over both times that it was loaded.
  const { input_tokens: input, cache_creation_input_tokens: created } = first.usage
  expect((await states())[0]?.tokens.prompt).toBe(2 * (input + (created ?? 0)))
})

test('requests of three models by turns are all answered, within the cap', { timeout: 120_000 }, async () => {
  const names = ['one', 'two', 'three']
  const { anthropic, memory } = await start(names, 7 * MIB)
  let isOver = false
  let most = 0
  const watch = (async () => {
    while (!isOver) {
      const { weights = 0, kv = 0, prefix = 0, cap = 0 } = (await memory()) ?? {}
      if (cap > 0) most = Math.max(most, (weights + kv + prefix) / cap)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  })()
  const words = ['pineapple', 'hello', 'tether']
  const answers = await Promise.all(
    Array.from({ length: 18 }, async (_, i) => {
      const word = words[i % 3] as string
      const model = names[Math.floor(i / 2) % 3] as string
      return [word, textOf(await anthropic.messages.create(say(model, word)))]
    }),
  )
  isOver = true
  await watch
  const known = new Map<string, string>()
  for (const [word, text] of answers as [string, string][]) {
    expect(text).toBe(known.get(word) ?? text)
    known.set(word, text)
  }
  expect(known.get('pineapple')).toContain('pineapple')
  expect(most).toBeGreaterThan(0)
  expect(most).toBeLessThanOrEqual(1)
})
