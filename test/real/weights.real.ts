/** With real weights, in bf16, 8 and 4 bits, the engine computes what mlx-lm computes in float32. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'
import { about, loadEngine } from '../../src/engine/load.js'
import type { Engine } from '../../src/engine/types.js'
import { collect, greedy } from '../support/checkpoints.js'
import { CACHE, folderOf, type RealGreedy, realGolden, VERSIONS } from '../support/real-models.js'

/** Two programs that add in another order may choose another token where the two best are closer than this. */
const MARGIN = 1e-3

// A GPU computes in the checkpoint's own dtype, and these numbers are float32's.
describe.skipIf(!CACHE || about().device !== 'cpu').each(VERSIONS)('$model in $bits bits', ({ model, bits }) => {
  const wanted = realGolden(model)
  const { perplexity, greedy: answers } = wanted.bits[bits]
  let engine: Engine
  beforeAll(async () => {
    // Rounded activations would move the likeliest tokens where two are closer than MARGIN.
    engine = await loadEngine(folderOf(model, bits), { activationBits: 32 })
  })
  afterAll(() => engine?.close())

  test('is loaded as what it is', () => {
    expect(engine.info.quantization).toBe(bits === 16 ? 'bf16' : `${bits}-bit`)
    expect(engine.info.computeDtype).toBe('f32')
  })

  test('continues 20 prompts with the 64 tokens of mlx-lm', async () => {
    expect(answers).toHaveLength(20)
    for (const [i, answer] of answers.entries()) {
      const { text, ids } = wanted.prompts[i] as (typeof wanted.prompts)[number]
      expect(answer.tokens).toHaveLength(64)
      expect(await continued(engine, ids, answer), text).toEqual(answer.tokens)
    }
  })

  test('has the perplexity of mlx-lm on English within 0.1%', async () => {
    const tokenizer = await loadTokenizer(folderOf(model))
    const text = tokenizer.encode(readFileSync('test/real/english.txt', 'utf8'), { special: false })
    const tokens = Int32Array.from([...tokenizer.prefix, ...text]).subarray(0, wanted.text_tokens)
    expect(tokens).toHaveLength(4096)
    const scores = await engine.score(tokens)
    const own = Math.exp(-scores.reduce((sum, score) => sum + score, 0) / (tokens.length - 1))
    console.log(`${model} in ${bits} bits: perplexity ${own.toFixed(4)}, mlx-lm's ${perplexity.toFixed(4)}`)
    expect(Math.abs(own / perplexity - 1)).toBeLessThan(1e-3)
  })
})

/** The engine's tokens. Where it chose another one of two that are as likely, it continues after mlx-lm's choice. */
async function continued(engine: Engine, prompt: number[], { tokens, margins }: RealGreedy): Promise<number[]> {
  const own: number[] = []
  while (own.length < tokens.length) {
    const more = await collect(engine.generate(greedy([...prompt, ...own], tokens.length - own.length)))
    const differs = more.tokens.findIndex((token, i) => token !== tokens[own.length + i])
    if (differs < 0) return [...own, ...more.tokens]
    const at = own.length + differs
    if ((margins[at] as number) > MARGIN) return [...own, ...more.tokens]
    own.push(...tokens.slice(own.length, at + 1))
  }
  return own
}
