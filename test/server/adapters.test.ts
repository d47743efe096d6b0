/** The SDKs of both protocols choose an adapter by the model's name. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Model } from '../../src/load-model.js'
import { loadModel } from '../../src/load-model.js'
import { type LogLine, type Server, serve } from '../../src/server/serve.js'
import { writeAdapter } from '../support/adapters.js'

const BASE = 'demo/model'
const messages = [{ role: 'user' as const, content: 'Say pineapple.' }]
const ask = { max_tokens: 6, temperature: 0, messages }

let parent: string
let model: Model
let server: Server
let anthropic: Anthropic
let openai: OpenAI
const lines: LogLine[] = []

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), 'tether-adapters-'))
  const adapters = await Promise.all(
    [1, 2].map((seed) => writeAdapter(BASE, { seed, scale: 12, parent, name: `lora-${seed}` })),
  )
  model = await loadModel(BASE, { adapters, name: 'org/demo' })
  server = await serve(model, { port: 0, onLog: (line) => lines.push(line) })
  anthropic = new Anthropic({ baseURL: server.url, apiKey: 'none', maxRetries: 0 })
  openai = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
})
afterAll(async () => {
  await server.close()
  await model.close()
  await rm(parent, { recursive: true })
})

const said = async (name: string) => {
  const { content } = await anthropic.messages.create({ ...ask, model: name })
  return content.map((block) => (block.type === 'text' ? block.text : '')).join('')
}

describe('a server with two adapters', () => {
  test('lists the model and it with each adapter', async () => {
    const names = ['org/demo', 'org/demo:lora-1', 'org/demo:lora-2']
    expect((await anthropic.models.list()).data.map(({ id }) => id)).toEqual(names)
    for (const name of names) expect((await openai.models.retrieve(name)).id).toBe(name)
    await expect(anthropic.models.retrieve('org/demo:x')).rejects.toThrow(
      'The loaded models are org/demo, org/demo:lora-1',
    )
  })

  test('answers by the adapter that a request names, in every protocol and at once', async () => {
    const plain = await said('org/demo')
    expect(plain).toBe('pineapple')
    const [first, second, other, same] = await Promise.all(
      ['org/demo:lora-1', 'demo:lora-2', 'claude-anything', 'org/demo:lora-1'].map(said),
    )
    expect(new Set([plain, first, second]).size).toBe(3)
    expect(other).toBe(plain)
    expect(same).toBe(first)
    const chat = await openai.chat.completions.create({ ...ask, model: 'org/demo:lora-1' })
    expect(chat.choices[0]?.message.content).toBe(first)
    const response = await openai.responses.create({
      model: 'org/demo:lora-1',
      input: 'Say pineapple.',
      max_output_tokens: 6,
      temperature: 0,
    })
    expect(response.output_text).toBe(first)
  })

  test('refuses an adapter that is not loaded, before anything is answered', async () => {
    const wrong = anthropic.messages.create({ ...ask, model: 'org/demo:poet' })
    await expect(wrong).rejects.toMatchObject({ status: 404 })
    await expect(wrong).rejects.toThrow('org/demo has no adapter poet. The names of this model are org/demo, ')
    const counted = anthropic.messages.countTokens({ messages, model: 'demo:poet' })
    await expect(counted).rejects.toMatchObject({ status: 404 })
    expect(() => model.countTokens({ messages, model: 'demo:poet' })).toThrow('org/demo has no adapter poet')
    expect(model.countTokens({ messages, model: 'demo:lora-1' })).toBeGreaterThan(0)
    const stream = openai.chat.completions.create({ ...ask, model: 'org/demo:poet', stream: true })
    await expect(stream).rejects.toMatchObject({ status: 404 })
    expect(await said('org/demo')).toBe('pineapple')
  })

  test('names the adapter in the log', async () => {
    lines.length = 0
    await said('demo:lora-2')
    await said('org/demo')
    expect(lines.map(({ adapter }) => adapter)).toEqual(['lora-2', undefined])
  })
})
