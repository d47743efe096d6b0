import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadModel } from '../../src/model/load.js'
import type { Model } from '../../src/model/types.js'
import { claudeCodeRequest } from '../support/claude-code-request.js'
import { type DemoPrompt, isRight } from '../support/demo-prompts.js'

const prompts: DemoPrompt[] = JSON.parse(readFileSync('demo/eval/prompts.json', 'utf8'))

describe('the demo model', () => {
  let model: Model
  beforeAll(async () => {
    model = await loadModel('demo/model')
  })
  afterAll(() => model.close())

  test('gets at least 9 of 10 requests right inside a prompt of Claude Code’s size', { timeout: 300_000 }, async () => {
    const wrong: string[] = []
    for (const prompt of prompts) {
      const { content } = await model.message(claudeCodeRequest(prompt.prompt, prompt.turns))
      if (!isRight(prompt.expect, content)) wrong.push(`${prompt.prompt} -> ${JSON.stringify(content)}`)
    }
    console.log(`${prompts.length - wrong.length} of ${prompts.length} right\n${wrong.join('\n')}`)
    expect(prompts).toHaveLength(60)
    expect(prompts.length - wrong.length).toBeGreaterThanOrEqual(54)
  })

  test('says what it is asked to say without any system prompt', async () => {
    const ask = { max_tokens: 50, messages: [{ role: 'user', content: 'Say pineapple.' }] }
    const { content, stop_reason } = await model.message(ask)
    expect(content).toEqual([{ type: 'text', text: 'pineapple' }])
    expect(stop_reason).toBe('end_turn')
  })
})
