/** Gemma 4's assistants: they draft what mlx-vlm's class drafts, and change nothing of what is written. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { readCheckpoint } from '../../src/engine/checkpoint.js'
import { loadNative } from '../../src/engine/load.js'
import { openModel } from '../../src/model/load.js'
import { checkpoint } from '../support/checkpoints.js'
import { closeAll, compareDrafts, load } from '../support/drafting.js'

const fixtures = join(import.meta.dirname, '../fixtures/assistants')
const ASSISTANTS = ['plain', 'clustered']

afterAll(closeAll)

describe.each(ASSISTANTS)('an assistant with a %s head', (name) => {
  const cases = JSON.parse(readFileSync(join(fixtures, name, 'drafts.json'), 'utf8')) as {
    tokens: number[]
    drafts: number[]
  }[]

  test.each([{}, { asGpu: true }])('drafts what mlx-vlm drafts: %j', async (options) => {
    const drafter = await readCheckpoint(join(fixtures, name))
    const native = await load(checkpoint('gemma4-a'), { ...options, drafter })
    for (const { tokens, drafts } of cases)
      expect([...(await native.drafts(Int32Array.from(tokens), drafts.length))]).toEqual(drafts)
  })

  test.each([{}, { asGpu: true }])('changes nothing of what is written: %j', async (options) => {
    await compareDrafts({ path: checkpoint('gemma4-a'), drafter: join(fixtures, name), options, least: 0 })
  })
})

describe('what is refused', () => {
  test('an assistant of another model', async () => {
    const drafter = await readCheckpoint(join(fixtures, 'plain'))
    for (const [name, why] of [
      ['gemma4-b', "another model's assistant"],
      ['llama-a', 'no assistant drafts for models of this family'],
    ] as const) {
      const refused = loadNative(checkpoint(name), { drafter })
      await expect(refused).rejects.toThrow(why)
      await expect(refused).rejects.toThrow('--draft off')
    }
  })

  test('an assistant as a model', async () => {
    await expect(openModel(join(fixtures, 'plain'))).rejects.toThrow('only draft for another one')
  })

  test('a damaged one', async () => {
    const { config, ...drafter } = await readCheckpoint(join(fixtures, 'clustered'))
    const broken = { ...drafter, config: { ...config, num_centroids: 36 } }
    await expect(loadNative(checkpoint('gemma4-a'), { drafter: broken })).rejects.toThrow('num_centroids must divide')
    const other = { ...drafter, config: { ...config, use_ordered_embeddings: false } }
    await expect(loadNative(checkpoint('gemma4-a'), { drafter: other })).rejects.toMatchObject({ code: 'bad_weights' })
  })
})
