/** Several requests in one pass, with each kind of checkpoint: each gets the tokens that mlx-lm draws for it alone. */
import { expect, test } from 'vitest'
import { loadEngine } from '../../src/engine/load.js'
import { CHECKPOINTS, checkpoint, golden, together } from '../support/checkpoints.js'

test.each(CHECKPOINTS)(
  'requests that run together on %s get the tokens that mlx-lm draws for each alone',
  async (name) => {
    const engine = await loadEngine(checkpoint(name))
    expect(await together(engine, golden(name))).toEqual(golden(name).greedy.map(({ tokens }) => tokens))
    await engine.close()
  },
)
