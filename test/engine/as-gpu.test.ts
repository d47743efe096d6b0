/** Runs on the CPU what only GPUs run otherwise: the checkpoint's own dtype, quantized kernels, one token dispatched ahead. */
import { describe, expect, test } from 'vitest'
import { readCheckpoint } from '../../src/engine/checkpoint.js'
import { loadNative, openEngine } from '../../src/engine/load.js'
import {
  CHECKPOINTS,
  type CheckpointName,
  checkpoint,
  collect,
  distance,
  golden,
  greedy,
  together,
} from '../support/checkpoints.js'

// MLX's CPU multiplies plain experts in float32 only.
const RUNNABLE = CHECKPOINTS.filter((name) => name !== 'gemma4-d')
const HALVES = RUNNABLE.filter((name) => golden(name).ownDtypeError)
const SINGLES = RUNNABLE.filter((name) => !golden(name).ownDtypeError)

const open = async (name: CheckpointName) => openEngine(await readCheckpoint(checkpoint(name)), { asGpu: true })

async function logitsAsGpu(name: CheckpointName, chunk: number): Promise<Float32Array> {
  const native = await loadNative(checkpoint(name), { asGpu: true })
  const logits = await native.logits(Int32Array.from(golden(name).prompt), chunk)
  native.close()
  return logits
}

describe.each(SINGLES)('%s as on a GPU, in float32', (name) => {
  test.each([1, 7, 1000])('computes the logits of mlx-lm in chunks of %i', async (chunk) => {
    expect(distance(await logitsAsGpu(name, chunk), golden(name).logits)).toBeLessThan(1e-3)
  })

  test('draws the tokens of mlx-lm with several requests together', async () => {
    const engine = await open(name)
    expect(engine.info.computeDtype).toBe('f32')
    expect(await together(engine, golden(name))).toEqual(golden(name).greedy.map(({ tokens }) => tokens))
    await engine.close()
  })

  // When a token is dispatched ahead, the caches hold one token more than the request got.
  test('continues from where a request was cancelled', async () => {
    const engine = await open(name)
    for (const { promptLength, tokens } of golden(name).greedy) {
      const prompt = golden(name).prompt.slice(0, promptLength)
      const controller = new AbortController()
      const first: number[] = []
      for await (const batch of engine.generate(greedy(prompt, tokens.length), controller.signal)) {
        first.push(...batch.tokens)
        if (first.length > 20) controller.abort()
      }
      expect(first).toEqual(tokens.slice(0, first.length))
      const rest = tokens.slice(first.length)
      if (rest.length === 0) continue
      const again = await collect(engine.generate(greedy([...prompt, ...first], rest.length)))
      expect(again.tokens).toEqual(rest)
      expect(again.finish.cachedTokens).toBeGreaterThanOrEqual(promptLength)
    }
    await engine.close()
  })
})

describe('as on a GPU, in half precision', () => {
  // The mean is geometric: one token whose attention is at the edge would move a mean of squares by half.
  const ratios = new Map<CheckpointName, number>()
  const mean = (values: number[]) => Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
  // Two equally good ways to round were 0.8 to 1.4 times as far off as each other, depending on the prompt.
  test.each(HALVES)('%s is at most 1.5 times as far from float32 as mlx-lm', async (name) => {
    const { prompt, vocabSize, logits: wanted, ownDtypeError } = golden(name)
    const logits = await logitsAsGpu(name, prompt.length)
    const errors = prompt.map((_, token) => {
      const row = (all: Float32Array) => all.subarray(token * vocabSize, (token + 1) * vocabSize)
      return rootMeanSquare(row(logits), row(wanted))
    })
    const ratio = mean(errors.map((error, i) => error / (ownDtypeError?.[i] as number)))
    ratios.set(name, ratio)
    expect(ratio).toBeLessThan(1.5)
  })

  test('all checkpoints together are at most 1.15 times as far from float32 as mlx-lm', () => {
    expect(ratios.size).toBe(HALVES.length)
    expect(mean([...ratios.values()]), JSON.stringify([...ratios])).toBeLessThan(1.15)
  })

  test.each(HALVES)('%s draws a token with the largest logit each time, up to rounding', async (name) => {
    const { prompt, vocabSize, greedy: wanted, ownDtypeError } = golden(name)
    const engine = await open(name)
    expect(engine.info.computeDtype).toBe(name.includes('f16') || name === 'mistral-a' ? 'f16' : 'bf16')
    const drawn = await together(engine, golden(name))
    await engine.close()
    // The error of two logits, each of which may be several times the mean.
    const tolerance = 10 * Math.max(...(ownDtypeError as number[]))
    const native = await loadNative(checkpoint(name), { asGpu: true })
    for (const [i, tokens] of drawn.entries()) {
      const length = wanted[i]?.promptLength as number
      const text = Int32Array.from([...prompt.slice(0, length), ...tokens])
      const logits = await native.logits(text, text.length)
      for (const [j, token] of tokens.entries()) {
        const row = logits.subarray((length + j - 1) * vocabSize, (length + j) * vocabSize)
        expect(Math.max(...row) - (row[token] as number)).toBeLessThan(tolerance)
      }
    }
    native.close()
  })
})

function rootMeanSquare(actual: Float32Array, wanted: Float32Array): number {
  const sum = actual.reduce((total, value, i) => total + (value - (wanted[i] as number)) ** 2, 0)
  return Math.sqrt(sum / actual.length)
}
