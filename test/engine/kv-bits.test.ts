/** Keys and values in 16, 8 and 4 bits: answers hardly differ from those without, and do not depend on how they were computed. */
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chatFamily } from '../../src/chat/families.js'
import { readTemplate } from '../../src/chat/templates/read-template.js'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'
import { loadEngine, loadNative } from '../../src/engine/load.js'
import type { Engine } from '../../src/engine/types.js'
import { checkpoint, collect, golden, greedy, rejection } from '../support/checkpoints.js'
import { startOracle } from '../support/oracle.js'
import { until } from '../support/until.js'

const DEMO = 'demo/model'

function someTokens(count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, i) => 300 + ((i * 7919 + seed * 104729) % 2700))
}

/** Conversations of the demo model's kind, several windows of its sliding layers long. */
async function text(least: number): Promise<{ tokens: Int32Array; answers: number[] }> {
  const { conversation } = (await import('../../bench/conversations.mjs' as string)) as {
    conversation(model: object, options: { least: number; seed: number }): { tokens: Int32Array; answers: number[] }
  }
  const tokenizer = await loadTokenizer(DEMO)
  const template = await readTemplate(DEMO, tokenizer.controls)
  const { family } = chatFamily({
    modelType: 'gemma4_text',
    has: (token) => tokenizer.controls.includes(token),
    template,
  })
  return conversation({ family, tokenizer }, { least, seed: 1 })
}

/** Mean and largest distance. */
function apart(a: Float32Array, b: Float32Array): { mean: number; most: number } {
  expect(a).toHaveLength(b.length)
  let sum = 0
  let most = 0
  for (let i = 0; i < a.length; i++) {
    const distance = Math.abs((a[i] as number) - (b[i] as number))
    sum += distance
    most = Math.max(most, distance)
  }
  return { mean: sum / a.length, most }
}

/** Of the tokens at these places. */
function perplexity(scores: Float32Array, places: number[]): number {
  return Math.exp(-places.reduce((sum, at) => sum + (scores[at] as number), 0) / places.length)
}

test('keys and values in 16 bits keep the perplexity, in 8 bits within 1%, of a whole text and of the answers in it', async () => {
  const { tokens, answers } = await text(2000)
  expect(answers.length).toBeGreaterThan(150)
  const all = [...tokens.keys()].slice(1)
  type Perplexities = { whole: number; answered: number }
  const found: Perplexities[] = []
  for (const kvBits of [32, 16, 8, 4]) {
    const engine = await loadEngine(DEMO, { kvBits })
    expect(engine.info.kvBits).toBe(kvBits === 32 ? 0 : kvBits)
    const scores = await engine.score(tokens)
    found.push({ whole: perplexity(scores, all), answered: perplexity(scores, answers) })
    await engine.close()
  }
  const [plain, half, eight, four] = found as [Perplexities, Perplexities, Perplexities, Perplexities]
  expect(Math.abs(half.whole / plain.whole - 1)).toBeLessThan(1e-4)
  expect(Math.abs(half.answered / plain.answered - 1)).toBeLessThan(1e-4)
  expect(Math.abs(eight.whole / plain.whole - 1)).toBeLessThan(0.01)
  expect(Math.abs(eight.answered / plain.answered - 1)).toBeLessThan(0.01)
  expect(Math.abs(four.whole / plain.whole - 1)).toBeLessThan(0.05)
  // If they were equal, nothing would be rounded.
  expect(half.whole).not.toBe(plain.whole)
  expect(eight.whole).not.toBe(plain.whole)
  expect(four.whole).not.toBe(eight.whole)
})

test('rounded keys and values give the same logits in chunks of any size', async () => {
  const tokens = (await text(700)).tokens.slice(0, 700)
  const plain = await loadNative(DEMO, { kvBits: 32 })
  const exact = await plain.logits(tokens, 700)
  plain.close()
  for (const kvBits of [16, 8, 4]) {
    const native = await loadNative(DEMO, { kvBits })
    const whole = await native.logits(tokens, 700)
    expect(apart(whole, exact).mean).toBeGreaterThan(kvBits === 16 ? 1e-5 : 1e-4)
    for (const chunk of [1, 97, 256]) {
      expectSame(await native.logits(tokens, chunk), whole, exact, kvBits)
    }
    native.close()
  }
})

// On a GPU a single query is multiplied by packed keys and values, several by unpacked ones.
test.each([16, 8, 4])(
  'keys and values in %i bits give the same logits as on a GPU, in sliding layers too',
  async (kvBits) => {
    const { prompt } = golden('gemma3-a')
    const tokens = Int32Array.from(prompt)
    const plain = await loadNative(checkpoint('gemma3-a'))
    const exact = await plain.logits(tokens, tokens.length)
    plain.close()
    const own = await loadNative(checkpoint('gemma3-a'), { kvBits })
    const wanted = await own.logits(tokens, tokens.length)
    own.close()
    const asGpu = await loadNative(checkpoint('gemma3-a'), { kvBits, asGpu: true })
    for (const chunk of [1, 7, tokens.length]) expectSame(await asGpu.logits(tokens, chunk), wanted, exact, kvBits)
    asGpu.close()
  },
)

describe.each([16, 8, 4])('an engine with keys and values in %i bits', (kvBits) => {
  let engine: Engine
  beforeAll(async () => {
    engine = await loadEngine(DEMO, { kvBits })
  })
  afterAll(() => engine.close())

  async function fresh(prompt: number[], count: number): Promise<number[]> {
    const other = await loadEngine(DEMO, { kvBits })
    const { tokens, finish } = await collect(other.generate(greedy(prompt, count)))
    expect(finish.cachedTokens).toBe(0)
    await other.close()
    return tokens
  }

  test('answers a continued and a rewound conversation as if it were new', async () => {
    const prompt = someTokens(900, 1)
    const first = await collect(engine.generate(greedy(prompt, 30)))
    expect(first.tokens).toEqual(await fresh(prompt, 30))

    const longer = [...prompt, ...first.tokens, ...someTokens(300, 2)]
    const second = await collect(engine.generate(greedy(longer, 30)))
    expect(second.finish.cachedTokens).toBeGreaterThan(900)
    expect(second.tokens).toEqual(await fresh(longer, 30))

    // Back to the end of the first prompt, which the sliding layers do not hold any more.
    const other = [...prompt, ...someTokens(200, 3)]
    const third = await collect(engine.generate(greedy(other, 30)))
    expect(third.finish.cachedTokens).toBeGreaterThan(800)
    expect(third.tokens).toEqual(await fresh(other, 30))
  })

  test('answers a request beside others as it does alone', async () => {
    const prompts = [40, 700, 300, 1500].map((length, i) => someTokens(length, 10 + i))
    const together = await Promise.all(prompts.map((prompt) => collect(engine.generate(greedy(prompt, 25)))))
    for (const i of [0, 1, 3]) expect(together[i]?.tokens).toEqual(await fresh(prompts[i] as number[], 25))
  })

  test('keeps prefixes in as many bytes as the bits need', async () => {
    const sizes: number[] = []
    for (const bits of [32, kvBits]) {
      const other = await loadEngine(DEMO, { kvBits: bits })
      await collect(other.generate(greedy(someTokens(3000, 20), 1)))
      // Blocks are kept while the prompt is read, the sequence at the end; counters follow the pass in which that is.
      await until(() => other.stats().live === 0 && other.stats().memory.kv === 0)
      await sleep(100)
      sizes.push(other.stats().memory.prefix - 4 * 3000)
      await other.close()
    }
    // 32 numbers take 64, 32 or 16 bytes instead of 128; 32 and 16 with a scale and a bias of 4 bytes each.
    const [plain, packed] = sizes as [number, number]
    expect(packed / plain).toBeCloseTo((kvBits * 4 + (kvBits < 16 ? 8 : 0)) / 128, 2)
  })
})

/**
 * Rounding of the last bit moves a few numbers to the next step; any mistake moves far more. The steps of 16 bits are so small
 * that this is more of what they cost.
 */
function expectSame(logits: Float32Array, wanted: Float32Array, exact: Float32Array, kvBits = 8): void {
  const cost = apart(wanted, exact)
  const { mean, most } = apart(logits, wanted)
  expect(mean).toBeLessThan(cost.mean / (kvBits === 16 ? 3 : 10))
  expect(most).toBeLessThan(cost.most / (kvBits === 16 ? 1 : 2))
}

/** In 8 bits the logits of mlx-lm; in 4 bits, where ours are transformed first, at most as far from the exact ones. */
function expectAsGood(
  logits: Float32Array,
  { kvBits, wanted, exact }: { kvBits: number; wanted: Float32Array; exact: Float32Array },
): void {
  if (kvBits === 8) {
    expectSame(logits, wanted, exact)
    return
  }
  const { mean } = apart(logits, exact)
  expect(mean).toBeGreaterThan(1e-4)
  expect(mean).toBeLessThan(1.1 * apart(wanted, exact).mean)
}

describe('logits beside those with the quantized keys and values of mlx-lm', () => {
  test.each([8, 4])('in %i bits and groups of 32', async (kvBits) => {
    const name = 'llama-d-4bit-128'
    const { prompt, logits: exact } = golden(name)
    const bytes = readFileSync(`test/fixtures/checkpoints/goldens/${name}-kv${kvBits}.bin`)
    const wanted = Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i))
    for (const asGpu of [false, true]) {
      const native = await loadNative(checkpoint(name), { kvBits, asGpu, activationBits: 32 })
      for (const chunk of [prompt.length, 1])
        expectAsGood(await native.logits(Int32Array.from(prompt), chunk), { kvBits, wanted, exact })
      native.close()
    }
  })

  const python = process.env.TETHER_ORACLE_PYTHON
  test.runIf(python)('in groups of 64', async () => {
    const { makeCheckpoint } = (await import('../../bench/checkpoint.mjs' as string)) as {
      makeCheckpoint(folder: string, config: object, seed: number): Promise<void>
    }
    const folder = await mkdtemp(join(tmpdir(), 'tether-kv-'))
    const config = {
      model_type: 'llama',
      hidden_size: 64,
      num_hidden_layers: 3,
      intermediate_size: 128,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      head_dim: 128,
      vocab_size: 512,
      max_position_embeddings: 1024,
      rms_norm_eps: 1e-5,
      rope_theta: 10_000,
      tie_word_embeddings: true,
    }
    await makeCheckpoint(folder, config, 1)
    const oracle = startOracle(python as string)
    const tokens = someTokens(300, 1).map((token) => token % 512)
    const exact = await oracle.logits(folder, tokens)
    for (const kvBits of [8, 4]) {
      const native = await loadNative(folder, { kvBits })
      const wanted = await oracle.logits(folder, tokens, { kvBits, kvGroup: 64 })
      expectAsGood(await native.logits(Int32Array.from(tokens), 100), { kvBits, wanted, exact })
      native.close()
    }
    oracle.stop()
    await rm(folder, { recursive: true })
  })
})

describe('loading with keys and values in fewer bits', () => {
  test('fails for a head_dim that is no multiple of 32, and names it', async () => {
    const error = await rejection(loadEngine(checkpoint('llama-a'), { kvBits: 8 }))
    expect(error.code).toBe('bad_config')
    expect(error.message).toMatch(/kv_bits 8 needs a head_dim that is a multiple of 32, not 16/)
  })

  test('fails for such a head_dim also if config.json does not state it', async () => {
    const error = await rejection(loadEngine(checkpoint('llama-b'), { kvBits: 8 }))
    expect(error).toMatchObject({ code: 'bad_config' })
    expect(error.message).toContain('not 8')
  })

  test.each([5, 12])('fails for %i bits', async (kvBits) => {
    const error = await rejection(loadEngine(DEMO, { kvBits }))
    expect(error.code).toBe('bad_config')
    expect(error.message).toBe(`kvBits must be 0, 4, 8, 16 or 32, not ${kvBits}`)
  })
})
