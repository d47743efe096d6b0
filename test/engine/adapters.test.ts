/** LoRA adapters: what they compute, which requests get it, and what is refused. */
import { readdirSync, readFileSync } from 'node:fs'
import { cp, readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readAdapter } from '../../src/engine/adapter/read-adapter.js'
import { loadEngine, loadNative } from '../../src/engine/load.js'
import type { GenerateRequest } from '../../src/engine/types.js'
import { mergedWith, writeAdapter } from '../support/adapters.js'
import { type CheckpointName, checkpoint, collect, distance, golden, greedy, logitsOf } from '../support/checkpoints.js'
import { generated, loadFixed, longCheckpoint, temporaryFolder, tokensOf } from '../support/cold.js'

/** Two ways to compute the same differ by less than 1e-4. */
const TOLERANCE = 1e-3
const EXACT = { activationBits: 32 }
/** Every family, by checkpoints whose weights can be merged with. */
const FAMILIES: CheckpointName[] = [
  'llama-a',
  'llama-b',
  'llama-c',
  'mistral-b',
  'gemma2-a',
  'gemma3-a',
  'gemma3-b',
  'gemma3n-a',
  'gemma4-a',
  'gemma4-b',
  'gemma4-c',
  'gemma4-d',
]

async function load(name: CheckpointName, folders: string[], options = {}) {
  const native = await loadNative(checkpoint(name), { ...EXACT, ...options, adapters: folders.map(readAdapter) })
  onTestFinished(() => native.close())
  return native
}

describe.each(FAMILIES)('an adapter on %s', (name) => {
  const tokens = golden(name).prompt

  test('computes what its merged weights compute, in both layouts and beside the model itself', async () => {
    const adapter = { seed: 3, layers: /\.layers\.\d+\.(self_attn|mlp|laurel|per_layer_input_gate).*$/ }
    const merged = await logitsOf(await mergedWith(checkpoint(name), adapter), tokens)
    const folders = [
      await writeAdapter(checkpoint(name), adapter),
      await writeAdapter(checkpoint(name), { ...adapter, layout: 'peft' }),
    ]
    const native = await load(name, folders)
    const own = await native.logits(Int32Array.from(tokens), tokens.length)
    expect(distance(own, golden(name).logits)).toBeLessThan(TOLERANCE)
    expect(distance(merged, own)).toBeGreaterThan(1)
    for (const number of [1, 2]) {
      for (const chunk of [tokens.length, 7, 1])
        expect(distance(await native.logits(Int32Array.from(tokens), chunk, number), merged)).toBeLessThan(TOLERANCE)
    }
  })
})

const MADE = 'test/fixtures/adapters'
interface AdapterGolden {
  prompt: number[]
  logprobs: number[]
  lastLogits: number[]
  greedy: number[]
}
const goldens = readdirSync(MADE).flatMap((folder) => {
  const { bases } = JSON.parse(readFileSync(join(MADE, folder, 'golden.json'), 'utf8'))
  return Object.entries(bases).map(([base, wanted]) => ({ folder, base: base as CheckpointName, wanted }))
}) as { folder: string; base: CheckpointName; wanted: AdapterGolden }[]

test.each(goldens)('the adapter $folder on $base computes what mlx-lm computes', async ({ folder, base, wanted }) => {
  const adapters = [readAdapter(join(MADE, folder))]
  const native = await loadNative(checkpoint(base), { ...EXACT, adapters })
  onTestFinished(() => native.close())
  const { prompt } = wanted
  const tokens = Int32Array.from(prompt)
  expect(distance(await native.score(tokens, 1), wanted.logprobs)).toBeLessThan(TOLERANCE)
  expect(distance(await native.score(tokens), wanted.logprobs)).toBeGreaterThan(0.1)
  const { vocabSize } = native.info
  const last = (await native.logits(tokens, 16, 1)).subarray((prompt.length - 1) * vocabSize)
  expect(distance(last, wanted.lastLogits)).toBeLessThan(TOLERANCE)
  const engine = await loadEngine(checkpoint(base), { adapters })
  onTestFinished(() => engine.close())
  const request = { ...greedy(prompt, wanted.greedy.length), adapter: 1 }
  expect((await collect(engine.generate(request))).tokens).toEqual(wanted.greedy)
})

test.each(['llama-a', 'gemma4-a'] as const)(
  'an adapter on %s computes on a GPU what its merged weights do',
  async (name) => {
    const tokens = golden(name).prompt
    const merged = await logitsOf(await mergedWith(checkpoint(name), { seed: 4 }), tokens)
    const native = await load(name, [await writeAdapter(checkpoint(name), { seed: 4 })], { asGpu: true })
    expect(distance(await native.logits(Int32Array.from(tokens), tokens.length, 1), merged)).toBeLessThan(TOLERANCE)
  },
)

test.each([
  ['llama-a', {}],
  ['llama-a-4bit', {}],
  ['gemma4-a', { asGpu: true }],
  ['gemma4-a', { lookup: true, alwaysDraft: true }],
] as const)('requests on %s with and without adapters run together as each does alone: %o', async (name, options) => {
  const adapters = [
    await writeAdapter(checkpoint(name), { seed: 5 }),
    await writeAdapter(checkpoint(name), { seed: 6, rank: 7, layout: 'peft', layers: /self_attn\.[qv]_proj$/ }),
  ].map(readAdapter)
  const { prompt } = golden(name)
  const requests = [0, 1, 2, 1, 0, 2].map(
    (adapter, i): GenerateRequest => ({
      ...greedy(prompt.slice(0, 9 + i), 30),
      adapter,
    }),
  )
  const alone: number[][] = []
  for (const request of requests) {
    const engine = await openWith(name, adapters, options)
    alone.push((await collect(engine.generate(request))).tokens)
    await engine.close()
  }
  expect(new Set(alone.slice(0, 3).map(String)).size).toBe(3)
  const engine = await openWith(name, adapters, options)
  const all = await Promise.all(requests.map((request) => collect(engine.generate(request))))
  expect(all.map(({ tokens }) => tokens)).toEqual(alone)
  await engine.close()
})

async function openWith(name: CheckpointName, adapters: ReturnType<typeof readAdapter>[], options: object) {
  return loadEngine(checkpoint(name), { ...EXACT, ...options, adapters })
}

/** A copy of the folder under another name. */
async function copied(folder: string): Promise<string> {
  const copy = join(await temporaryFolder(), 'copy')
  await cp(folder, copy, { recursive: true })
  return copy
}

async function age(folder: string): Promise<void> {
  const old = new Date(Date.now() - 3600_000)
  for (const entry of await readdir(folder, { recursive: true })) await utimes(join(folder, entry), old, old)
}

describe('what is kept of a prompt', () => {
  const name = 'llama-b'
  const vocab = 512
  const prompt = tokensOf(200, 11, vocab)
  const long = tokensOf(600, 12, vocab)

  test('serves the same adapter alone: not the model, not another adapter', async () => {
    const folders = [
      await writeAdapter(checkpoint(name), { seed: 7 }),
      await writeAdapter(checkpoint(name), { seed: 8 }),
    ]
    const engine = await loadEngine(checkpoint(name), { adapters: folders.map(readAdapter), prefillChunk: 64 })
    onTestFinished(() => engine.close())
    const cached = async (adapter: number) => {
      const { finish } = await collect(engine.generate({ ...greedy(prompt, 2), adapter }))
      return finish.cachedTokens
    }
    expect(await cached(1)).toBe(0)
    expect(await cached(0)).toBe(0)
    expect(await cached(2)).toBe(0)
    for (const adapter of [1, 0, 2]) expect(await cached(adapter)).toBeGreaterThan(100)
  })

  test('serves the same adapter alone at the same time', async () => {
    const engine = await loadEngine(checkpoint(name), {
      adapters: [readAdapter(await writeAdapter(checkpoint(name), { seed: 7 }))],
      prefillChunk: 16,
    })
    onTestFinished(() => engine.close())
    const ends = await Promise.all(
      [0, 1, 1].map((adapter) => collect(engine.generate({ ...greedy(prompt, 2), adapter }))),
    )
    expect(ends[0]?.finish.cachedTokens).toBe(0)
    expect(ends[1]?.finish.cachedTokens).toBe(0)
    expect(ends[2]?.finish.cachedTokens).toBeGreaterThan(100)
  })

  test('on disk serves the same adapter alone, also after it was not loaded', async () => {
    const cacheDir = await temporaryFolder()
    const [one, other] = [
      await writeAdapter(checkpoint(name), { seed: 7 }),
      await writeAdapter(checkpoint(name), { seed: 8 }),
    ]
    const cached = async (folders: string[], adapter: number) => {
      const native = await loadFixed(await longCheckpoint(name), { cacheDir, adapters: folders.map(readAdapter) })
      const { tokens, finish } = await generated(native, long, 3, adapter)
      native.close()
      return { tokens, cached: finish.cachedTokens }
    }
    const first = await cached([one, other], 1)
    expect(first.cached).toBe(0)
    // As if it had been written long ago: what is young is kept in any case.
    await age(cacheDir)
    expect((await cached([], 0)).cached).toBe(0)
    expect((await cached([other], 1)).cached).toBe(0)
    // By what it holds, not by its place or path.
    const again = await cached([other, await copied(one)], 2)
    expect(again.cached).toBeGreaterThan(500)
    expect(again.tokens).toEqual(first.tokens)
    expect((await cached([], 0)).cached).toBeGreaterThan(500)
  })
})
