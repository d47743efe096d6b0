/** The engine computes what mlx-lm computes: logits, log-probabilities and greedy tokens of tiny checkpoints of each kind. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadEngine, loadNative } from '../../src/engine/load.js'
import type { Engine } from '../../src/engine/types.js'
import {
  CHECKPOINTS,
  checkpoint,
  collect,
  distance,
  golden,
  greedy,
  logSoftmaxOf,
  readTensors,
} from '../support/checkpoints.js'

// Another token moves logits by 5 and more; two ways to compute the same differ by less than 1e-4.
const TOLERANCE = 1e-3
/** mlx-lm rounds no activations. */
const EXACT = { activationBits: 32 }

describe.each(CHECKPOINTS)('%s', (name) => {
  const wanted = golden(name)
  const whole = wanted.prompt.length
  const sizes = wanted.promptLengths as [number, number, number]
  const window = sizes[1]
  const row = (length: number) => wanted.logits.subarray(0, length * wanted.vocabSize)

  test('has a golden that tells right from wrong', () => {
    expect(wanted.logits).toHaveLength(whole * wanted.vocabSize)
    expect(sizes[2]).toBe(whole)
    for (const { tokens, minMargin } of wanted.greedy) {
      expect(tokens).toHaveLength(64)
      expect(minMargin).toBeGreaterThan(TOLERANCE)
    }
  })

  describe('logits', () => {
    let native: Awaited<ReturnType<typeof loadNative>>
    beforeAll(async () => {
      native = await loadNative(checkpoint(name), EXACT)
    })
    afterAll(() => native.close())

    test.each(sizes)('of a prompt of %i tokens in one pass are those of mlx-lm', async (length) => {
      const prompt = Int32Array.from(wanted.prompt.slice(0, length))
      expect(distance(await native.logits(prompt, length), row(length))).toBeLessThan(TOLERANCE)
    })

    test.each([1, 5, 7, 16, whole - 1])('of the whole prompt in chunks of %i are those of mlx-lm', async (chunk) => {
      const logits = await native.logits(Int32Array.from(wanted.prompt), chunk)
      expect(distance(logits, wanted.logits)).toBeLessThan(TOLERANCE)
    })

    // Where a sliding layer begins to drop slots. For models without one these are lengths like any other.
    test.each([window - 1, window, window + 1, 2 * window])(
      'of %i tokens in chunks around the window are those of mlx-lm',
      async (length) => {
        const prompt = Int32Array.from(wanted.prompt.slice(0, length))
        for (const chunk of [1, 3, window - 1, window, window + 1]) {
          expect(distance(await native.logits(prompt, chunk), row(length)), `chunks of ${chunk}`).toBeLessThan(
            TOLERANCE,
          )
        }
      },
    )
  })

  describe('the engine', () => {
    let engine: Engine
    beforeAll(async () => {
      engine = await loadEngine(checkpoint(name), EXACT)
    })
    afterAll(() => engine.close())

    test.each(wanted.greedy)(
      'continues a prompt of $promptLength tokens as mlx-lm does',
      async ({ promptLength, tokens }) => {
        const answer = await collect(engine.generate(greedy(wanted.prompt.slice(0, promptLength), tokens.length)))
        expect(answer.tokens).toEqual(tokens)
        expect(answer.finish.reason).toBe('length')
      },
    )

    test.each(wanted.greedy)(
      'continues a prompt of $promptLength tokens and a part of its answer without computing them again',
      async ({ promptLength, tokens }) => {
        const prompt = wanted.prompt.slice(0, promptLength)
        const first = await collect(engine.generate(greedy(prompt, 20)))
        expect(first.tokens).toEqual(tokens.slice(0, 20))
        const second = await collect(engine.generate(greedy([...prompt, ...first.tokens], 44)))
        expect(second.tokens).toEqual(tokens.slice(20))
        expect(second.finish.cachedTokens).toBeGreaterThan(0)
      },
    )

    test('scores a text with the log-softmax of these logits', async () => {
      const scores = await engine.score(Int32Array.from(wanted.prompt))
      expect(distance(scores, wanted.logprobs)).toBeLessThan(TOLERANCE)
      expect(distance(scores, logSoftmaxOf(wanted.logits, wanted.prompt, wanted.vocabSize))).toBeLessThan(TOLERANCE)
    })

    test('reports the vocabulary and the stop tokens', () => {
      expect(engine.info.vocabSize).toBe(wanted.vocabSize)
      expect(engine.info.stopTokens).toEqual(name.startsWith('gemma') ? [1, 6] : [499, 505])
    })
  })
})

test('gemma4-c has weights of other modalities, which loading skips', async () => {
  const names = [...(await readTensors(`${checkpoint('gemma4-c')}/model.safetensors`)).keys()]
  expect(names.some((name) => name.startsWith('model.vision_tower.'))).toBe(true)
})

test('half-precision weights compute what float32 ones do', () => {
  expect(golden('llama-a-f16').logits).toEqual(golden('llama-a').logits)
})
