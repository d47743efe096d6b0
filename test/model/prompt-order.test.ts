/** The order of the prompt of a loaded model: what two sessions share, and what does not depend on it. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { loadModel, type Model } from '../../src/load-model.js'
import type { PromptOrder } from '../../src/options.js'
import { HERMES } from '../support/chat-templates.js'
import { prose } from '../support/claude-code-request.mjs'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

const tools = ['Bash', 'Read', 'Write'].map((name, i) => ({
  name,
  description: prose(i, 2000),
  input_schema: { type: 'object' as const, properties: { path: { type: 'string' } } },
}))

/** The first request of a session in a folder, and how many of its tokens were known from earlier ones. */
async function ask(model: Model, folder: string) {
  const system = `You work in ${folder}. ${prose(9, 1000)}`
  const request = { max_tokens: 8, system, tools, messages: [{ role: 'user' as const, content: 'Say pineapple.' }] }
  const { content, usage } = await model.message(request)
  const cached = usage.cache_read_input_tokens ?? 0
  const prompt = usage.input_tokens + cached + (usage.cache_creation_input_tokens ?? 0)
  return { request, content, cached, prompt, counted: model.countTokens(request) }
}

async function sessions(promptOrder: PromptOrder) {
  const model = await loadModel('demo/model', { promptOrder })
  try {
    const one = await ask(model, '/home/sam/notes')
    // It has sliding layers, so the second session only finds where prompts part; the third starts there.
    await ask(model, '/home/sam/weather')
    const other = await ask(model, '/home/sam/recipes')
    const next = [
      ...other.request.messages,
      { role: 'assistant' as const, content: other.content },
      { role: 'user' as const, content: 'Say walrus.' },
    ]
    const { usage } = await model.message({ ...other.request, messages: next })
    return { info: model.info, one, other, cachedNext: usage.cache_read_input_tokens ?? 0 }
  } finally {
    await model.close()
  }
}

describe.each(['template', 'stable-first'] as const)('the order %s', (order) => {
  test('is counted as it is sent, keeps the prefix of the next turn, and the family', async () => {
    const { info, one, other, cachedNext } = await sessions(order)
    expect(info).toMatchObject({ promptOrder: order, family: 'gemma4', warnings: [] })
    expect([one.counted, other.counted]).toEqual([one.prompt, other.prompt])
    expect(cachedNext).toBeGreaterThanOrEqual(other.prompt)
  })
})

test('with stable-first another folder shares the tools, with the order of the template it does not', async () => {
  const [usual, stable] = [await sessions('template'), await sessions('stable-first')]
  expect(stable.other.prompt).toBe(usual.other.prompt)
  expect(usual.other.cached).toBeLessThan(usual.other.prompt / 10)
  expect(stable.other.cached).toBeGreaterThan(stable.other.prompt / 2)
})

test("stable-first is a warning where the model's own template decides where tools stand", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tether-order-'))
  folders.push(folder)
  cpSync('demo/model', folder, { recursive: true })
  writeFileSync(join(folder, 'chat_template.jinja'), HERMES)
  const model = await loadModel(folder, { promptOrder: 'stable-first' })
  await model.close()
  expect(model.info.warnings).toEqual([expect.stringMatching(/^prompt_order "stable-first" changes nothing here/)])
})
