/** Several requests in one pass, with every kind of checkpoint: each gets what mlx-lm gives it alone. */
import { expect, test } from 'vitest'
import { loadEngine } from '../../src/engine/load.js'
import { CHECKPOINTS, checkpoint, golden, together } from '../support/checkpoints.js'

test.each(CHECKPOINTS)('%s', async (name) => {
  const engine = await loadEngine(checkpoint(name))
  expect(await together(engine, golden(name))).toEqual(golden(name).greedy.map(({ tokens }) => tokens))
  await engine.close()
})
