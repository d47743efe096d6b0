/** Drafts of a second model: what is written does not depend on them, in how many passes does. */
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { readCheckpoint } from '../../src/engine/checkpoint.js'
import { loadNative } from '../../src/engine/load.js'
import { checkpoint, copyOf, editTensors, greedy, setField } from '../support/checkpoints.js'
import { closeAll, compareDrafts, load, prompts, write } from '../support/drafting.js'

afterAll(closeAll)

describe.each(['llama-a', 'gemma2-a', 'gemma3-a', 'gemma4-a'] as const)('%s drafts for itself', (name) => {
  test.each([{ kvBits: 32 }, { asGpu: true }])('and writes the same: %j', (options) =>
    compareDrafts({ path: checkpoint(name), drafter: checkpoint(name), options, least: 0.9 }),
  )
})

test.each([16, 8, 4])('keys and values in %i bits are taken back, too', (kvBits) =>
  compareDrafts({ path: 'demo/model', drafter: 'demo/model', options: { kvBits }, least: 0.01 }),
)

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

test('one whose weights are not numbers changes nothing', async () => {
  const folder = await copyOf('llama-a')
  await editTensors(join(folder, 'model.safetensors'), (tensors) => {
    for (const { data } of tensors.values()) data.fill(0xff)
  })
  await compareDrafts({ path: checkpoint('llama-a'), drafter: folder, options: {}, least: 0 })
})

test('one whose window is too small to draft in is refused', async () => {
  const folder = await copyOf('llama-a')
  for (const window of [8, 63]) {
    await setField(join(folder, 'config.json'), 'max_position_embeddings', window)
    const refused = load(checkpoint('llama-a'), { drafter: await readCheckpoint(folder) })
    await expect(refused).rejects.toMatchObject({ code: 'bad_config' })
    await expect(refused).rejects.toThrow(`its window of ${window} tokens is too small`)
  }
  await setField(join(folder, 'config.json'), 'max_position_embeddings', 64)
  await compareDrafts({ path: checkpoint('llama-a'), drafter: folder, options: {}, least: 0 })
})

test('its weights and what it keeps count against the memory cap', async () => {
  const drafter = await readCheckpoint(checkpoint('llama-a'))
  const plain = await load(checkpoint('llama-a'), {})
  const drafting = await load(checkpoint('llama-a'), { drafter })
  expect(drafting.stats().memory.weights).toBe(2 * plain.stats().memory.weights)
  expect(drafting.info.fingerprint).toBe(plain.info.fingerprint)
  const { weights } = plain.stats().memory
  // What other engines of the process have counts against it, too.
  closeAll()
  for (const memoryCap of [Math.floor(1.5 * weights), 2 * weights + 1000]) {
    const refused = loadNative(checkpoint('llama-a'), { drafter, memoryCap })
    await expect(refused).rejects.toMatchObject({ code: 'not_enough_memory' })
    await expect(refused).rejects.toThrow('--draft off')
  }
})
