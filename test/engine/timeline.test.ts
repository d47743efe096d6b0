/**
 * Random timelines of the prefix cache beside an engine that keeps nothing: whatever happened before, tokens and logits are
 * those that are computed cold. npm run test:timeline runs more of them, with processes that are killed in between.
 */
import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { CheckpointName } from '../support/checkpoints.js'
import {
  expectOnlyRecords,
  generating,
  greedyFault,
  loadFixed,
  longCheckpoint,
  type Native,
  recordFiles,
  resumed,
  temporaryFolder,
  tokensOf,
} from '../support/cold.js'
import { killedWriter } from '../support/killed-writer.js'
import { type Random, seeded } from '../support/random.mjs'

const OPERATIONS = 200
const FIRST = Number(process.env.TETHER_SEED ?? 1)
const COUNT = Number(process.env.TETHER_TIMELINES ?? 1)
const KILLS = COUNT > 1
const LONGEST = 900

const MODELS: { name: CheckpointName; window: number; kvBits?: number }[] = [
  { name: 'gemma4-a', window: 120 },
  { name: 'llama-b', window: 300 },
  { name: 'gemma3-a', window: 40, kvBits: 8 },
  { name: 'mistral-a', window: 120 },
  { name: 'gemma3n-a', window: 120 },
  { name: 'llama-a', window: 120, kvBits: 16 },
]

class Timeline {
  readonly #random: Random
  readonly #folder: string
  readonly #cold: Native
  readonly #kvBits: number
  readonly #cacheDir: string
  #hot: Native
  #cap = 1e8
  /** Prompts with their answers. */
  readonly #told: number[][] = []
  #at = 0
  reused = 0

  constructor(random: Random, model: { folder: string; cacheDir: string; kvBits: number }, cold: Native, hot: Native) {
    this.#random = random
    this.#folder = model.folder
    this.#cacheDir = model.cacheDir
    this.#kvBits = model.kvBits
    this.#cold = cold
    this.#hot = hot
  }

  static async start(seed: number): Promise<Timeline> {
    const { name, window, kvBits = 32 } = MODELS[seed % MODELS.length] as (typeof MODELS)[0]
    const folder = await longCheckpoint(name, { window })
    const cacheDir = await temporaryFolder()
    const cold = await loadFixed(folder, { kvBits })
    onTestFinished(() => cold.close())
    const hot = await loadFixed(folder, { kvBits, cacheDir, diskCache: 1e8 })
    return new Timeline(seeded(seed), { folder, cacheDir, kvBits }, cold, hot)
  }

  async run(): Promise<void> {
    const steps: [number, () => Promise<void>][] = [
      [50, () => this.#ask(1)],
      [20, () => this.#ask(3)],
      [10, () => this.#ask(2, true)],
      [15, () => this.#compare()],
      [10, () => this.#restart()],
      [5, () => this.#restart(this.#random.pick([3e5, 1e6, 3e6, 1e8]))],
      [10, () => this.#damage()],
      [1, () => this.#clear()],
      [KILLS ? 1 : 0, () => this.#kill()],
    ]
    const weighted = steps.flatMap(([weight, step]) => Array.from({ length: weight }, () => step))
    for (; this.#at < OPERATIONS; this.#at++) {
      await this.#random.pick(weighted)()
    }
    await this.#restart()
    await this.#compare()
    this.#hot.close()
    await expectOnlyRecords(this.#cacheDir, this.#cap, this.#what())
  }

  readonly #what = () => `operation ${this.#at}`

  /** One that goes on, one that goes back, one that parts from another, or a new one. */
  #prompt(): number[] {
    const random = this.#random
    const kind = random.below(10)
    let tokens = kind < 2 || this.#told.length === 0 ? [] : random.pick(this.#told)
    if (kind > 6) tokens = tokens.slice(0, random.below(tokens.length + 1))
    tokens = tokens.slice(0, LONGEST)
    const more = kind === 2 && tokens.length > 0 ? 0 : 1 + random.below(kind < 2 ? 500 : 120)
    return [...tokens, ...tokensOf(more, random.below(1e6), this.#cold.info.vocabSize)]
  }

  async #ask(most: number, cancels = false): Promise<void> {
    const random = this.#random
    const running = Array.from({ length: 1 + random.below(most) }, () => {
      const prompt = this.#prompt()
      return { prompt, ...generating(this.#hot, prompt, 1 + random.below(8)) }
    })
    if (cancels) {
      await new Promise((resolve) => setTimeout(resolve, random.below(15)))
      for (const { cancel } of running) if (random.chance(0.6)) cancel()
    }
    for (const { prompt, done } of running) {
      const { tokens, finish } = await done
      this.reused += finish.cachedTokens
      if (finish.reason !== 'cancelled') {
        expect(finish.cachedTokens + (finish.computedTokens as number), this.#what()).toBe(prompt.length)
      }
      const fault = await greedyFault(this.#cold, prompt, tokens)
      expect(fault, this.#what()).toBeLessThan(this.#kvBits < 32 ? 0.1 : 1e-4)
      this.#told.push([...prompt, ...tokens])
      if (this.#told.length > 10) this.#told.shift()
    }
  }

  /** All logits after what a prompt starts from. */
  async #compare(): Promise<void> {
    const { most, mean, from } = await resumed(this.#hot, this.#cold, this.#prompt())
    if (this.#kvBits < 32) expect(mean, `${this.#what()}, from ${from}`).toBeLessThan(5e-4)
    else expect(most, `${this.#what()}, from ${from}`).toBeLessThan(1e-4)
  }

  async #restart(cap = this.#cap): Promise<void> {
    this.#cap = cap
    this.#hot.close()
    // Small enough that not all sequences stay in memory.
    const memoryCap = this.#random.chance(0.3) ? 24 << 20 : undefined
    const options = { kvBits: this.#kvBits, cacheDir: this.#cacheDir, diskCache: cap, memoryCap, maxContext: 2000 }
    this.#hot = await loadFixed(this.#folder, options)
  }

  async #damage(): Promise<void> {
    const files = await recordFiles(this.#cacheDir)
    if (files.length === 0) return
    const file = this.#random.pick(files.sort())
    const bytes = await readFile(file).catch(() => Buffer.alloc(0))
    if (bytes.length === 0) return
    const kind = this.#random.below(3)
    if (kind === 0) return rm(file, { force: true })
    if (kind === 1) return truncate(file, this.#random.below(bytes.length)).catch(() => {})
    const at = this.#random.below(bytes.length)
    bytes[at] = (bytes[at] as number) ^ (1 << this.#random.below(8))
    // Of another version it would always stay.
    if (at < 8 || at >= 12) await writeFile(file, bytes)
  }

  async #clear(): Promise<void> {
    for (const file of await recordFiles(this.#cacheDir)) await rm(file, { force: true })
  }

  /** Another process that uses the folder, too, and is killed. */
  async #kill(): Promise<void> {
    const options = {
      kvBits: this.#kvBits,
      cacheDir: this.#cacheDir,
      diskCache: this.#cap,
      seed: this.#random.below(1e6),
    }
    const moment = { delay: this.#random.below(400), writing: this.#random.chance(0.5) }
    const told = await killedWriter({ folder: this.#folder, ...options }, moment)
    this.#told.push(...told.map(({ prompt, tokens }) => [...prompt, ...tokens]).slice(-3))
  }
}

describe(`timelines of ${OPERATIONS} operations`, () => {
  test.each(Array.from({ length: COUNT }, (_, i) => FIRST + i))(
    'give the tokens and logits of a cold engine, with TETHER_SEED=%i',
    async (seed) => {
      const timeline = await Timeline.start(seed)
      await timeline.run()
      expect(timeline.reused).toBeGreaterThan(1000)
    },
    300_000,
  )
})
