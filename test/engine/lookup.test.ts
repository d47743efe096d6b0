/** Drafts: with them every family writes what it writes without, in fewer passes. `npm run test:decoding` takes more prompts. */
import { describe, expect, test } from 'vitest'
import { loadNative } from '../../src/engine/load.js'
import type { Finish, GenerateRequest } from '../../src/engine/types.js'
import { CHECKPOINTS, checkpoint, golden, greedy } from '../support/checkpoints.js'
import { seeded } from '../support/random.mjs'

const PROMPTS = Number(process.env.TETHER_LOOKUP_PROMPTS ?? 3)
const TIMEOUT = 30_000 + PROMPTS * 2_000
const WRITTEN = 24
/** Where the two likeliest tokens are closer than this, rounding decides. */
const MARGIN = 1e-3

type Native = Awaited<ReturnType<typeof loadNative>>

function write(native: Native, request: GenerateRequest): Promise<{ tokens: number[]; finish: Finish }> {
  return new Promise((resolve, reject) => {
    const tokens: number[] = []
    native.generate(request, ({ tokens: some, finish, error }) => {
      tokens.push(...some)
      if (error) reject(error)
      if (finish) resolve({ tokens, finish })
    })
  })
}

/** A prompt, and a text that repeats parts of it with changes: so drafts hold for a while, and then do not. */
function repeating(seed: number, vocabSize: number): { prompt: number[]; script: Int32Array } {
  const { below } = seeded(seed)
  const prompt = Array.from({ length: 60 + below(60) }, () => below(vocabSize))
  const script: number[] = []
  while (script.length < 100) {
    const from = below(prompt.length - 8)
    script.push(...prompt.slice(from, from + 4 + below(40)), below(vocabSize))
  }
  return { prompt, script: Int32Array.from(script) }
}

/** How far the likeliest token is ahead of the next one, after these. */
async function margin(native: Native, tokens: number[], vocabSize: number): Promise<number> {
  const last = (await native.logits(Int32Array.from(tokens), 1000)).slice(-vocabSize).sort()
  return (last.at(-1) as number) - (last.at(-2) as number)
}

async function compare(path: string, options: { kvBits?: number; asGpu?: boolean }): Promise<number> {
  const drafting = await loadNative(path, { ...options, lookup: true })
  const plain = await loadNative(path, options)
  const { vocabSize } = plain.info
  let accepted = 0
  try {
    for (let seed = 1; seed <= PROMPTS; seed++) {
      const { prompt, script } = repeating(seed, vocabSize)
      const request = { ...greedy(prompt, script.length + WRITTEN), script }
      const [one, other] = [await write(drafting, request), await write(plain, request)]
      expect(one.tokens.slice(0, script.length)).toEqual([...script])
      expect(other.finish.draftedTokens).toBe(0)
      accepted += one.finish.acceptedTokens
      const apart = one.tokens.findIndex((token, i) => token !== other.tokens[i])
      if (apart >= 0)
        expect(await margin(plain, [...prompt, ...other.tokens.slice(0, apart)], vocabSize)).toBeLessThan(MARGIN)
    }
    expect(drafting.stats().drafts.steps).toBeLessThan(plain.stats().drafts.steps)
  } finally {
    drafting.close()
    plain.close()
  }
  return accepted
}

describe.each(CHECKPOINTS)('%s writes the same with drafts', (name) => {
  test('as on this device', { timeout: TIMEOUT }, async () => {
    expect(await compare(checkpoint(name), {})).toBeGreaterThan(0)
  })

  // MLX's CPU multiplies plain experts in float32 only, and half precision is full of ties.
  test.skipIf(name === 'gemma4-d' || golden(name).ownDtypeError)(
    'a token ahead, as on a GPU',
    { timeout: TIMEOUT },
    async () => {
      expect(await compare(checkpoint(name), { asGpu: true })).toBeGreaterThan(0)
    },
  )
})

test.each([16, 8, 4])('keys and values in %i bits are taken back, too', { timeout: TIMEOUT }, async (kvBits) => {
  expect(await compare('demo/model', { kvBits })).toBeGreaterThan(0)
})

test('a model that is loaded without lookup drafts nothing and measures nothing', async () => {
  const native = await loadNative(checkpoint('llama-a'))
  const { prompt, script } = repeating(1, native.info.vocabSize)
  const { finish } = await write(native, { ...greedy(prompt, script.length), script })
  expect(finish.draftedTokens).toBe(0)
  expect(native.stats().drafts).toMatchObject({ drafted: 0, accepted: 0, costs: [] })
  native.close()
})
