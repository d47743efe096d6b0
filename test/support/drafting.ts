/** Answers with the drafts of a second model beside answers without. */
import { expect } from 'vitest'
import { readCheckpoint } from '../../src/engine/checkpoint.js'
import { loadNative } from '../../src/engine/load.js'
import type { Finish, GenerateRequest } from '../../src/engine/types.js'
import { greedy } from './checkpoints.js'
import { seeded } from './random.mjs'

type Native = Awaited<ReturnType<typeof loadNative>>

const open: Native[] = []
export function closeAll(): void {
  for (const native of open.splice(0)) native.close()
}

export async function load(path: string, options: Parameters<typeof loadNative>[1]): Promise<Native> {
  const native = await loadNative(path, options)
  open.push(native)
  return native
}

export function write(native: Native, request: GenerateRequest): Promise<{ tokens: number[]; finish: Finish }> {
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
export function prompts(vocabSize: number): number[][] {
  const { below } = seeded(7)
  return [3, 40, 29, 17].map((length) => Array.from({ length }, () => below(vocabSize)))
}

export interface Compared {
  /** The model's folder, and that of what drafts for it. */
  path: string
  drafter: string
  options: { kvBits?: number; asGpu?: boolean }
  /** The share of the drafts of a greedy answer that hold. */
  least: number
}

/** Greedy and sampled answers of several requests at once are those of one without drafts. */
export async function compareDrafts({ path, drafter: folder, options, least }: Compared): Promise<void> {
  const drafter = await readCheckpoint(folder)
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
  expect(drafts.drafted).toBeGreaterThan(0)
  if (least === 0) return
  expect(steps).toBeLessThan(plain.stats().drafts.steps)
}
