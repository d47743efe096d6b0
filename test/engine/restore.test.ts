/** What is restored is what was computed: logits after any start from the prefix cache equal those of a cold engine. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { CheckpointName } from '../support/checkpoints.js'
import {
  type Apart,
  apart,
  BLOCK,
  CHUNK,
  generated,
  generating,
  greedyFault,
  loadFixed,
  longCheckpoint,
  type Native,
  resumed,
  temporaryFolder,
  tokensOf,
} from '../support/cold.js'

interface Case {
  name: CheckpointName
  window?: number
  kvBits?: number
}

/** Every family. Windows of less than a block, and of more than one. */
const PLAIN: Case[] = [
  { name: 'llama-a' },
  { name: 'llama-b' },
  { name: 'mistral-a' },
  { name: 'mistral-b' },
  { name: 'gemma2-a' },
  { name: 'gemma3-a', window: 40 },
  { name: 'gemma3n-a' },
  { name: 'gemma4-a', window: 260 },
  { name: 'gemma4-a', window: 40 },
  { name: 'gemma4-b' },
  { name: 'gemma4-c' },
  { name: 'gemma4-d' },
]
const ROUNDED: Case[] = [
  { name: 'llama-b', kvBits: 16 },
  { name: 'mistral-b', kvBits: 16 },
  { name: 'gemma3n-a', kvBits: 16 },
  { name: 'gemma4-a', window: 260, kvBits: 16 },
  { name: 'llama-d-4bit-128', kvBits: 4 },
  { name: 'mistral-b', kvBits: 8 },
  { name: 'gemma3-a', kvBits: 4 },
  { name: 'gemma3n-a', kvBits: 8 },
  { name: 'gemma4-a', kvBits: 8 },
  { name: 'gemma4-a', kvBits: 4 },
]
const title = ({ name, window = 120, kvBits = 32 }: Case) => `${name}, window ${window}, kv bits ${kvBits}`
const CASES = [...PLAIN, ...ROUNDED].map((one) => [title(one), one] as const)

/** Of the largest logit. Passes of other lengths, computed cold, differ by up to 3e-5. */
const ROUNDING = 1e-4

/** Rounding moves a few keys and values to the next step: then single logits are further off, but not their mean. */
function expectEqual({ most, mean }: Apart, kvBits: number, what: string): void {
  if (kvBits < 32) expect(mean, what).toBeLessThan(MEAN[kvBits] as number)
  else expect(most, what).toBeLessThan(ROUNDING)
}
const MEAN: Record<number, number> = { 16: 2e-5, 8: 5e-4, 4: 2e-3 }

describe.each(CASES)('with %s', (_, { name, window = 120, kvBits = 32 }) => {
  let folder: string
  let cacheDir: string
  let cold: Native
  let vocab: number
  beforeEach(async () => {
    folder = await longCheckpoint(name, { window, wide: kvBits === 8 || kvBits === 4 })
    cacheDir = await temporaryFolder()
    cold = await open({})
    vocab = cold.info.vocabSize
  })

  async function open(options: Parameters<typeof loadFixed>[1]): Promise<Native> {
    const native = await loadFixed(folder, { kvBits, ...options })
    onTestFinished(() => native.close())
    return native
  }
  const warm = () => open({ cacheDir, diskCache: 1e9 })
  const some = (count: number, seed: number) => tokensOf(count, seed, vocab)

  test('one other token in what is restored would be seen', async () => {
    const prompt = some(window, 1)
    const after = some(60, 2)
    const [right, wrong] = await Promise.all(
      [prompt, prompt.with(window >> 1, 7)].map((start) => cold.logits(Int32Array.from([...start, ...after]), CHUNK)),
    )
    const off = apart(
      (wrong as Float32Array).subarray(window * vocab),
      (right as Float32Array).subarray(window * vocab),
    )
    expect(off.most).toBeGreaterThan(10 * ROUNDING)
    if (kvBits < 32) expect(off.mean).toBeGreaterThan(2 * (MEAN[kvBits] as number))
  })

  test('prompts of all lengths around the window go on, in memory and after a restart, as if they were computed', async () => {
    const lengths = [window - 1, window, window + 1, 2 * window + 3, 5 * window]
    const prompts = lengths.map((length, i) => some(length, i + 1))
    let hot = await warm()
    for (const prompt of prompts) await generated(hot, prompt, 3)
    for (const where of ['in memory', 'after a restart']) {
      for (const prompt of prompts) {
        const { from, ...off } = await resumed(hot, cold, [...prompt, ...some(90, 40)])
        expect(from, `${where}, ${prompt.length}`).toBeGreaterThanOrEqual(prompt.length - 1)
        expectEqual(off, kvBits, `${where}, ${prompt.length}`)
      }
      hot.close()
      hot = await warm()
    }
  })

  test('a start at the end of any block has the same bits, from memory and from disk', async () => {
    const prompt = some(Math.max(5 * window, 3 * BLOCK + 30), 1)
    const ends = Array.from({ length: Math.floor((prompt.length - 1) / BLOCK) }, (_, i) => (i + 1) * BLOCK)
    let hot = await warm()
    await generated(hot, prompt, 1)
    // Where prompts part, sliding layers keep their window.
    for (const end of ends) await generated(hot, [...prompt.slice(0, end), ...some(70, 50 + end)], 1)
    const starts: number[] = []
    for (const where of ['in memory', 'after a restart']) {
      for (const end of ends) {
        const { from, most } = await resumed(hot, cold, [...prompt.slice(0, end), ...some(80, 60 + end)])
        expect({ from, most }, where).toEqual({ from: end, most: 0 })
        starts.push(from)
      }
      hot.close()
      hot = await warm()
    }
    expect(starts.length).toBeGreaterThanOrEqual(6)
  })

  test('a prompt that goes back, and one that parts from another anywhere, start from what they share', async () => {
    const prompt = some(3 * window + 110, 1)
    const hot = await warm()
    const { tokens } = await generated(hot, prompt, 20)
    const whole = [...prompt, ...tokens]
    let reused = 0
    for (const back of [1, CHUNK, window - 1, window + 1, 2 * window + 3]) {
      const kept = whole.slice(0, whole.length - back)
      // The first is computed in part, and leaves what the second starts from.
      for (const step of [1, 2]) {
        const other = ((whole[kept.length] as number) + step) % vocab
        const fork = [...kept, other, ...some(50, back)]
        const { from, ...off } = await resumed(hot, cold, fork)
        expect(from).toBeLessThanOrEqual(kept.length)
        expectEqual(off, kvBits, `${back} back, from ${from}`)
        await generated(hot, fork, 1)
        if (step === 2) reused += from === kept.length ? 1 : 0
      }
    }
    expect(reused, 'second forks that start where they part').toBe(5)
  })

  test('what is evicted or deleted in the middle is computed again, beside requests that run', async () => {
    const length = 2 * BLOCK + 70
    const prompts = [1, 2, 3].map((seed) => some(length, seed))
    let hot = await warm()
    for (const prompt of prompts) await generated(hot, prompt, 1)
    hot.close()
    hot = await warm()
    // The folder is read before any of its files goes.
    await generated(hot, some(3, 9), 1)
    const files = (await readdir(join(cacheDir, hot.info.fingerprint as string))).filter((file) =>
      /\.(full|sliding)$/.test(file),
    )
    expect(files.length).toBeGreaterThan(6)
    for (const file of files.sort().filter((_, i) => i % 3 === 0)) {
      await rm(join(cacheDir, hot.info.fingerprint as string, file))
    }
    const running = [20, 21].map((seed) => ({ prompt: some(300, seed), ...generating(hot, some(300, seed), 48) }))
    const starts: number[] = []
    for (const prompt of prompts) {
      const { from, ...off } = await resumed(hot, cold, [...prompt, ...some(50, 90)])
      expectEqual(off, kvBits, `from ${from}`)
      starts.push(from)
    }
    expect(starts.some((from) => from < length - 1)).toBe(true)
    for (const { cancel } of running) cancel()
    for (const { prompt, done } of running) {
      const { tokens } = await done
      expect(await greedyFault(cold, prompt, tokens)).toBeLessThan(kvBits < 32 ? 0.1 : ROUNDING)
    }
  })
})

test('a memory cap that holds a part of what was computed leaves right answers', async () => {
  // Room for the weights, a request and some blocks.
  const folder = await longCheckpoint('gemma4-a', { window: 260 })
  const cold = await loadFixed(folder)
  const hot = await loadFixed(folder, { memoryCap: 16 << 20, maxContext: 3000 })
  onTestFinished(() => [cold, hot].forEach((native) => void native.close()))
  const some = (count: number, seed: number) => tokensOf(count, seed, cold.info.vocabSize)
  const shared = some(600, 50)
  const prompts = Array.from({ length: 12 }, (_, i) => [...shared, ...some(500, i + 1)])
  for (const prompt of prompts) await generated(hot, prompt, 1)
  const starts = new Set<number>()
  for (const prompt of prompts) {
    const { from, ...off } = await resumed(hot, cold, [...prompt, ...some(40, 99)])
    expectEqual(off, 32, `from ${from}`)
    starts.add(from)
  }
  expect(hot.stats().cache?.evictedMemory).toBeGreaterThan(0)
  expect(starts.size).toBeGreaterThan(1)
})
