/** Thoughts before an answer that is held: one that is closed for the model leaves the answer as it was asked for. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { withThinkTags } from '../../src/chat/formats/think-tags.js'
import { plainSampling } from '../../src/options.js'
import { thinkWithin, thoughtLimit } from '../../src/turn/think.js'
import type { TurnFinish, TurnPart } from '../../src/turn/types.js'
import { speaks } from '../support/fake-engine.js'
import { fakeTurnModel } from '../support/fake-model.js'
import { randomSpeaker, type Speaker } from '../support/random-speaker.js'

const OPEN = { '<|reserved_special_token_0|>': '<think>' }
const TAGS = { ...OPEN, '<|finetune_right_pad_id|>': '</think>' }
const answerSchema = { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] }
const NONE = new Int32Array(0)

const textOf = (parts: TurnPart[]) => parts.map((part) => (part.type === 'text' ? part.text : '')).join('')

async function thinker(renamed: Record<string, string>, isOpen: boolean): Promise<Speaker> {
  const speaker = await randomSpeaker({ checkpoint: 'llama-a', tokenizer: 'llama3-tiny', renamed, format: 'hermes' })
  const render = () => (isOpen ? ['say', { control: '<think>' }] : ['say'])
  speaker.model.family = { ...withThinkTags(speaker.model.family), render }
  return speaker
}

describe.each([
  ['that the prompt has opened', true],
  ['that the model may open', false],
])('a thought %s', (_which, isOpen) => {
  let speaker: Speaker
  beforeAll(async () => {
    speaker = await thinker(TAGS, isOpen)
  })
  afterAll(() => speaker.close())

  test.each([3, undefined])('of a budget of %s tokens is followed by JSON that fits', async (thinkingBudget) => {
    let ended = 0
    for (let seed = 0; seed < 10; seed += 1) {
      const parts = await speaker.answer({ answerSchema, thinkingBudget, maxTokens: 400, sampling: { seed } })
      const { reason, constrained, outputTokens } = parts.at(-1) as TurnFinish
      if (reason !== 'end') continue
      ended += 1
      expect(JSON.parse(textOf(parts))).toMatchObject({ ok: expect.any(Boolean) })
      // All but what closes the thought is drawn by the grammar; the token that ends the answer is one more.
      expect(constrained?.tokens).toBeGreaterThanOrEqual(outputTokens - 4)
    }
    expect(ended).toBeGreaterThan(5)
  })
})

test('a thought behind a call, closed for the model, leaves it free', async () => {
  const engine = speaks(['call', { control: '<think>' }, 'abcdef'], ['more'])
  const { tokenizer } = fakeTurnModel(engine)
  const limit = thoughtLimit({ open: '<think>', close: [{ control: '</think>' }] }, tokenizer, {
    maxTokens: 100,
    budget: 3,
    inThought: false,
  })
  const marks = { afterTokens: NONE, afterTexts: [] }
  const grammar = { source: '{}', fromStart: true, begun: '{', required: false, toEnd: false, ...marks }
  const request = { prompt: Int32Array.of(1), maxTokens: 100, stopTokens: NONE, grammar, ...plainSampling }
  for await (const _batch of thinkWithin(limit, engine, request, new AbortController().signal));
  expect(engine.requests.map((part) => part.grammar)).toEqual([grammar, { ...grammar, fromStart: false, begun: '' }])
})

test('a thought whose end is text, no token, is not held to what follows it', async () => {
  const speaker = await thinker(OPEN, true)
  try {
    const parts = await speaker.answer({ answerSchema, maxTokens: 60, sampling: { seed: 1 } })
    const { constrained } = parts.at(-1) as TurnFinish
    expect(constrained?.tokens).toBe(60)
    // A model of random weights would hardly write JSON.
    expect(constrained?.removed).toBeLessThan(30)
  } finally {
    await speaker.close()
  }
})
