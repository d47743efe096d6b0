/** A model with a fake engine, tokenizer and family; everything else is real. */
import { type Model, withMessages } from '../../src/load-model.js'
import { plainSampling } from '../../src/options.js'
import { createTurnMemory } from '../../src/turn/turn-memory.js'
import type { TurnModel } from '../../src/turn/types.js'
import type { FakeEngine } from './fake-engine.js'
import { fakeFamily } from './fake-family.js'
import { controlId, fakeTokenizer } from './fake-tokenizer.js'

export function fakeTurnModel(engine: FakeEngine, more: Partial<TurnModel> = {}): TurnModel {
  return {
    engine,
    tokenizer: fakeTokenizer(),
    family: fakeFamily,
    defaults: { ...plainSampling, topP: 0.95, topK: 64 },
    stopTokens: Int32Array.of(controlId('<end>')),
    memory: createTurnMemory(),
    thinking: 'auto',
    isQuick: true,
    name: 'fake-model',
    ...more,
  }
}

export function fakeModel(engine: FakeEngine, more: Partial<TurnModel> = {}): Model {
  const turns = fakeTurnModel(engine, more)
  const { defaults: sampling, thinking } = turns
  return withMessages({
    info: {
      ...engine.info,
      name: 'fake-model',
      names: ['fake-model'],
      path: '/models/fake-model',
      family: 'fake',
      sampling,
      thinking,
      promptOrder: 'auto',
      constrain: 'auto',
      warnings: [],
    },
    tokenizer: fakeTokenizer(),
    turns,
    generate: () => {
      throw new Error('not faked')
    },
    score: async (tokens) => new Float32Array(tokens.length),
    stats: () => engine.stats(),
    close: async () => {},
  })
}
