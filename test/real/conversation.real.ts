/** A small real model behind the server: a conversation of ten turns over HTTP, with Anthropic's SDK. */
import Anthropic from '@anthropic-ai/sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadModel, type Model } from '../../src/load-model.js'
import { type Server, serve } from '../../src/server/serve.js'
import { CACHE, folderOf } from '../support/real-models.js'

/** What an answer has to contain, where any sensible one does. */
const QUESTIONS: [question: string, word?: string][] = [
  ['What is the capital of France?', 'Paris'],
  ['And what is the capital of Italy?', 'Rome'],
  ['What colour is the sky on a clear day?'],
  ['Name an animal that lives in the sea.'],
  ['What is two plus two?'],
  ['Which season comes after winter?'],
  ['What do bees make?'],
  ['How many days has a week?'],
  ['Which planet do we live on?'],
  ['Thank you. Say goodbye.'],
]

describe.skipIf(!CACHE)('SmolLM2', () => {
  let model: Model
  let server: Server
  let client: Anthropic
  beforeAll(async () => {
    model = await loadModel(folderOf('smollm2-135m'))
    server = await serve(model, { port: 0 })
    client = new Anthropic({ baseURL: server.url, apiKey: 'none', maxRetries: 0 })
  })
  afterAll(async () => {
    await server?.close()
    await model?.close()
  })

  test('answers ten turns, stops by itself and reads each prompt from its cache', async () => {
    const messages: Anthropic.MessageParam[] = []
    let known = 0
    for (const [question, word] of QUESTIONS) {
      messages.push({ role: 'user', content: question })
      const request = { model: 'smollm2', max_tokens: 200, temperature: 0, messages }
      const answer = await client.messages.stream(request).finalMessage()
      const text = answer.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
      const { input_tokens, cache_read_input_tokens, output_tokens } = answer.usage
      const reused = cache_read_input_tokens ?? 0
      console.log(`${question} -> ${JSON.stringify(text)} (${reused} read from the cache, ${input_tokens} computed)`)
      expect(answer.stop_reason, question).toBe('end_turn')
      expect(text, question).toMatch(/\w/)
      expect(text, question).not.toMatch(/<\|/)
      if (word) expect(text).toContain(word)
      // All of the conversation so far, its last answer included.
      expect(reused, question).toBeGreaterThanOrEqual(known)
      known = input_tokens + reused + output_tokens
      messages.push({ role: 'assistant', content: answer.content })
    }
  })
})
