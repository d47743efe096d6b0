/** A model around a fake engine: everything between the seam and the socket is the real thing. */
import { answerMessage, countMessageTokens, type Speaker, streamMessage } from '../../src/model/messages.js'
import { createTurnMemory } from '../../src/model/turn-memory.js'
import type { Model } from '../../src/model/types.js'
import type { FakeEngine } from './fake-engine.js'
import { fakeFamily } from './fake-family.js'
import { controlId, fakeTokenizer } from './fake-tokenizer.js'

export function fakeSpeaker(engine: FakeEngine, more: Partial<Speaker> = {}): Speaker {
  return {
    engine,
    tokenizer: fakeTokenizer(),
    family: fakeFamily,
    defaults: { temperature: 1, topP: 0.95, topK: 64, minP: 0, repetitionPenalty: 1 },
    stopTokens: Int32Array.of(controlId('<end>')),
    memory: createTurnMemory(),
    thinking: 'auto',
    name: 'fake-model',
    ...more,
  }
}

export function fakeModel(engine: FakeEngine, more: Partial<Speaker> = {}): Model {
  const speaker = fakeSpeaker(engine, more)
  const { defaults: sampling, thinking } = speaker
  return {
    info: { ...engine.info, name: 'fake-model', path: '/models/fake-model', family: 'fake', sampling, thinking },
    tokenizer: fakeTokenizer(),
    generate: () => {
      throw new Error('not faked')
    },
    score: async (tokens) => new Float32Array(tokens.length),
    message: (request, options) => answerMessage(speaker, request, options),
    stream: (request, options) => streamMessage(speaker, request, options),
    countTokens: (request) => countMessageTokens(speaker, request),
    stats: () => engine.stats(),
    close: async () => {},
  }
}
