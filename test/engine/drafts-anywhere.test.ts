/** Drafts beside everything else that a request may ask for, in random mixtures: what is written is what is written without. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readAdapter } from '../../src/engine/adapter/read-adapter.js'
import { readCheckpoint } from '../../src/engine/checkpoint.js'
import type { GenerateRequest } from '../../src/engine/types.js'
import { writeAdapter } from '../support/adapters.js'
import { CHECKPOINTS, type CheckpointName, checkpoint, greedy } from '../support/checkpoints.js'
import { closeAll, load, write } from '../support/drafting.js'
import { type Random, seeded } from '../support/random.mjs'

const ROUNDS = Number(process.env.TETHER_LOOKUP_PROMPTS ?? 1)
const TOGETHER = 6
/** In floats fewer draws lie on an edge than with activations that are rounded. */
const EXACT = { activationBits: 32, maxContext: 400 }
const TIMEOUT = 60_000 + 20_000 * ROUNDS

afterAll(closeAll)

type Native = Awaited<ReturnType<typeof load>>
type Answer = Awaited<ReturnType<typeof write>>

/** Of one period again and again, of parts said before, or of nothing that repeats. */
function somePrompt({ below, pick }: Random, vocabSize: number): number[] {
  const fresh = Array.from({ length: 2 + below(90) }, () => below(vocabSize))
  const kind = pick(['fresh', 'period', 'parts'])
  if (kind === 'period') return Array.from({ length: 20 + below(60) }, (_, i) => fresh[i % 5] ?? 0)
  return kind === 'parts' ? [...fresh, ...fresh.slice(below(fresh.length))] : fresh
}

/** Whatever can be asked for together, but always seeded. */
function someRequest(random: Random, vocabSize: number, adapters: number): GenerateRequest {
  const { below, pick } = random
  const request = greedy(somePrompt(random, vocabSize), 1 + below(50))
  return {
    ...request,
    temperature: pick([0, 0, 0.3, 1]),
    topP: pick([1, 0.9]),
    topK: pick([0, 0, 3, 20]),
    minP: pick([0, 0, 0.2]),
    repetitionPenalty: pick([1, 1, 1, 1.3]),
    seed: below(1000),
    adapter: below(adapters + 1),
    loopGuard: below(4) === 0,
    stopTokens: Int32Array.from(below(3) ? [] : Array.from({ length: 5 }, () => below(vocabSize))),
  }
}

/**
 * Several rows are summed in another order than one, which decides a draw on an edge: of two tokens that are as likely, or of
 * a seed whose number lies between two. Then other seeds agree.
 */
async function expectSame(drafting: Native, plain: Native, request: GenerateRequest, got: Answer): Promise<Answer> {
  const want = await write(plain, request)
  const at = want.tokens.findIndex((token, i) => token !== got.tokens[i])
  if (at < 0) {
    expect(got.tokens).toEqual(want.tokens)
    expect([got.finish.reason, got.finish.stopToken]).toEqual([want.finish.reason, want.finish.stopToken])
  } else if (request.temperature === 0) {
    expect(got.tokens.length).toBeGreaterThan(at)
    const likely = async ({ tokens }: Answer) => {
      const all = Int32Array.from([...request.prompt, ...tokens.slice(0, at + 1)])
      return (await plain.score(all, request.adapter)).at(-1) as number
    }
    expect(Math.abs((await likely(got)) - (await likely(want)))).toBeLessThan(1e-3)
  } else {
    for (const seed of [1001, 1002, 1003]) {
      const other = { ...request, seed }
      expect((await write(drafting, other)).tokens).toEqual((await write(plain, other)).tokens)
    }
  }
  return want
}

/** All at once, and then the next turn behind each. */
async function conversation(drafting: Native, plain: Native, requests: GenerateRequest[]): Promise<void> {
  const answers = await Promise.all(requests.map((request) => write(drafting, request)))
  for (const [i, request] of requests.entries()) {
    const { tokens } = await expectSame(drafting, plain, request, answers[i] as Answer)
    const next = { ...request, prompt: Int32Array.from([...request.prompt, ...tokens]), maxTokens: 12 }
    await expectSame(drafting, plain, next, await write(drafting, next))
  }
}

const WITH_ADAPTERS: CheckpointName[] = ['llama-a', 'gemma3-a', 'gemma4-a', 'mistral-a']

test.each(CHECKPOINTS)('%s, with lookup, with a drafter, and with both', { timeout: TIMEOUT }, async (name) => {
  const folder = checkpoint(name)
  const random = seeded(CHECKPOINTS.indexOf(name) + 1)
  const paths = WITH_ADAPTERS.includes(name) ? [await writeAdapter(folder, { seed: 3 })] : []
  const adapters = paths.map(readAdapter)
  const kvBits = random.pick([undefined, 16, 32])
  const shared = { ...EXACT, kvBits, adapters }
  const drafter = await readCheckpoint(folder)
  const cacheDir = await mkdtemp(join(tmpdir(), 'tether-drafts-'))
  try {
    const plain = await load(folder, shared)
    for (const more of [{ lookup: true }, { drafter }, { lookup: true, drafter, cacheDir, diskCache: 2 ** 30 }]) {
      const drafting = await load(folder, { ...shared, ...more, alwaysDraft: true })
      for (let round = 0; round < ROUNDS; round++) {
        const requests = Array.from({ length: TOGETHER }, () =>
          someRequest(random, plain.info.vocabSize, adapters.length),
        )
        await conversation(drafting, plain, requests)
      }
      expect(drafting.stats().drafts.drafted).toBeGreaterThan(0)
      drafting.close()
    }
    plain.close()
  } finally {
    await rm(cacheDir, { recursive: true })
  }
})
