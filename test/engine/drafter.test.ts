/** Drafts of a second model: what is written does not depend on them, in how many passes does. */
import { afterAll, describe, expect, test } from 'vitest'
import { readCheckpoint } from '../../src/engine/checkpoint.js'
import { loadNative } from '../../src/engine/load.js'
import type { Finish, GenerateRequest } from '../../src/engine/types.js'
import { checkpoint, greedy } from '../support/checkpoints.js'
import { seeded } from '../support/random.mjs'

type Native = Awaited<ReturnType<typeof loadNative>>

const open: Native[] = []
afterAll(() => {
  for (const native of open) native.close()
})

async function load(path: string, options: Parameters<typeof loadNative>[1]): Promise<Native> {
  const native = await loadNative(path, options)
  open.push(native)
  return native
}

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

/** Short enough for a drafter to read whole, by the window of these checkpoints. */
function prompts(vocabSize: number): number[][] {
  const { below } = seeded(7)
  return [3, 40, 29, 17].map((length) => Array.from({ length }, () => below(vocabSize)))
}

/** A model drafts for itself, for several requests at once. */
async function compare(path: string, options: { kvBits?: number; asGpu?: boolean }, least: number): Promise<void> {
  const drafter = await readCheckpoint(path)
  const drafting = await load(path, { ...options, drafter, alwaysDraft: true })
  const plain = await load(path, options)
  const all = prompts(plain.info.vocabSize)
  const requests = all.flatMap((prompt) => [
    greedy(prompt, 60),
    { ...greedy(prompt, 60), temperature: 0.8, topP: 0.95, seed: 5 },
  ])
  const together = await Promise.all(requests.map((request) => write(drafting, request)))
  for (const [i, request] of requests.entries()) {
    const { tokens, finish } = together[i] as { tokens: number[]; finish: Finish }
    expect(tokens).toEqual((await write(plain, request)).tokens)
    expect(finish.draftedTokens).toBeGreaterThan(0)
    if (request.temperature === 0) expect(finish.acceptedTokens / finish.draftedTokens).toBeGreaterThanOrEqual(least)
  }
  const { lookup, drafter: drafts, steps } = drafting.stats().drafts
  expect(lookup.drafted).toBe(0)
  expect(drafts.accepted).toBeGreaterThan(0)
  expect(steps).toBeLessThan(plain.stats().drafts.steps)
}

describe.each(['llama-a', 'gemma2-a', 'gemma3-a', 'gemma4-a'] as const)('%s drafts for itself', (name) => {
  test.each([{}, { asGpu: true }])('and writes the same: %j', (options) => compare(checkpoint(name), options, 0.9))
})

test.each([8, 4])('keys and values in %i bits are taken back, too', (kvBits) => compare('demo/model', { kvBits }, 0))

test('what a token of the drafter takes is measured', async () => {
  const drafter = await readCheckpoint(checkpoint('llama-a'))
  const native = await load(checkpoint('llama-a'), { drafter })
  await write(native, greedy(prompts(native.info.vocabSize)[1] as number[], 100))
  const { drafterCost, costs } = native.stats().drafts
  expect(costs).toHaveLength(5)
  // About that of a pass, but for what another program takes meanwhile.
  expect(drafterCost).toBeGreaterThan(0.05)
  expect(drafterCost).toBeLessThan(5)
})

test('its weights and what it keeps count against the memory cap', async () => {
  const drafter = await readCheckpoint(checkpoint('llama-a'))
  const plain = await load(checkpoint('llama-a'), {})
  const drafting = await load(checkpoint('llama-a'), { drafter })
  expect(drafting.stats().memory.weights).toBe(2 * plain.stats().memory.weights)
  expect(drafting.info.fingerprint).toBe(plain.info.fingerprint)
  const memoryCap = Math.floor(1.5 * plain.stats().memory.weights)
  const refused = loadNative(checkpoint('llama-a'), { drafter, memoryCap })
  await expect(refused).rejects.toMatchObject({ code: 'not_enough_memory' })
  await expect(refused).rejects.toThrow('--draft off')
})
