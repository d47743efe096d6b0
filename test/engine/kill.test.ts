/**
 * What a process leaves that is killed while it writes and evicts: right answers, no orphan files, and a cap that holds.
 * npm run test:kill has more rounds.
 */
import { readdir } from 'node:fs/promises'
import { expect, onTestFinished, test } from 'vitest'
import {
  expectOnlyRecords,
  generated,
  greedyFault,
  loadFixed,
  longCheckpoint,
  type Native,
  resumed,
  temporaryFolder,
  tokensOf,
} from '../support/cold.js'
import { killedWriter } from '../support/killed-writer.js'
import { seeded } from '../support/random.mjs'

const ROUNDS = Number(process.env.TETHER_KILL_ROUNDS ?? 5)
const SEED = Number(process.env.TETHER_SEED ?? 1)
const ROUNDING = 1e-4

test(
  `${ROUNDS} processes that are killed at any moment leave nothing wrong`,
  async () => {
    const random = seeded(SEED)
    const folder = await longCheckpoint('gemma4-a')
    const cacheDir = await temporaryFolder()
    const cold = await loadFixed(folder)
    onTestFinished(() => cold.close())
    let answers = 0
    let reused = 0
    let evicted = 0
    let unfinished = 0
    for (let round = 0; round < ROUNDS; round++) {
      const diskCache = random.pick([1_000_000, 4_000_000, 10_000_000])
      const options = { folder, cacheDir, diskCache }
      // Sometimes two that write to the same folder.
      const programs = Array.from({ length: random.chance(0.3) ? 2 : 1 }, () => ({
        ...options,
        seed: random.below(1e6),
      }))
      // The first one leaves something in any case.
      const moment = () => ({ answers: round ? 0 : 8, delay: random.below(600), writing: random.chance(0.5) })
      const ends = programs.map((one) => killedWriter(one, moment()))
      const told = (await Promise.all(ends)).flat()
      unfinished += (await readdir(cacheDir, { recursive: true })).filter((name) => name.includes('.tmp-')).length
      answers += told.length
      const what = `TETHER_SEED=${SEED}, round ${round}`
      const hot: Native = await loadFixed(folder, { cacheDir, diskCache })
      const some = tokensOf(70, 1000 + round, cold.info.vocabSize)
      await generated(hot, some, 1)
      for (const { prompt, tokens } of told.slice(-4)) {
        expect(await greedyFault(cold, prompt, tokens), what).toBeLessThan(ROUNDING)
        const { from, most } = await resumed(hot, cold, [...prompt, ...some])
        expect(most, `${what}, from ${from}`).toBeLessThan(ROUNDING)
        reused += from
      }
      hot.close()
      const { cache } = hot.stats()
      evicted += cache?.evictedDisk ?? 0
      expect(cache?.damaged, what).toBe(0)
      await expectOnlyRecords(cacheDir, diskCache, what)
    }
    // Otherwise the kills have missed what they are meant for.
    expect(reused, 'tokens that killed processes have left').toBeGreaterThan(0)
    if (ROUNDS >= 50) expect(Math.min(unfinished, evicted)).toBeGreaterThan(0)
    if (ROUNDS > 5) console.log({ rounds: ROUNDS, answers, reused, evicted, unfinished })
  },
  30_000 + 10_000 * ROUNDS,
)
