/** The demo model answers the requests of demo/eval/prompts.json, and random weights do not. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadModel, type Model } from '../../src/load-model.js'
import { claudeCodeRequest, random } from '../support/claude-code-request.mjs'
import { type DemoPrompt, isRight } from '../support/demo-prompts.js'

const prompts: DemoPrompt[] = JSON.parse(readFileSync('demo/eval/prompts.json', 'utf8'))

/** The requests that a model answers wrong, with its answers. */
async function wrongAnswers(model: Model): Promise<string[]> {
  const wrong: string[] = []
  for (const { prompt, turns, expect: wanted } of prompts) {
    const { content } = await model.message(claudeCodeRequest(prompt, turns, 100))
    if (!isRight(wanted, content)) wrong.push(`${prompt} -> ${JSON.stringify(content)}`)
  }
  return wrong
}

describe('the demo model', () => {
  let model: Model
  beforeAll(async () => {
    model = await loadModel('demo/model')
  })
  afterAll(() => model.close())

  test('answers at least 9 of 10 requests right at the end of a prompt of Claude Code’s size', {
    timeout: 300_000,
  }, async () => {
    const wrong = await wrongAnswers(model)
    console.log(`${prompts.length - wrong.length} of ${prompts.length} right\n${wrong.join('\n')}`)
    expect(prompts).toHaveLength(60)
    expect(prompts.length - wrong.length).toBeGreaterThanOrEqual(54)
  })

  test('repeats a word without a system prompt', async () => {
    const ask = { max_tokens: 50, messages: [{ role: 'user', content: 'Say pineapple.' }] }
    const { content, stop_reason } = await model.message(ask)
    expect(content).toEqual([{ type: 'text', text: 'pineapple' }])
    expect(stop_reason).toBe('end_turn')
  })
})

test('a model with random weights answers no request right', { timeout: 300_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tether-random-'))
  cpSync('demo/model', folder, { recursive: true })
  randomizeWeights(join(folder, 'model.safetensors'))
  const model = await loadModel(folder)
  expect(await wrongAnswers(model)).toHaveLength(prompts.length)
  await model.close()
  rmSync(folder, { recursive: true })
})

/** Overwrites every bf16 matrix of a safetensors file with normal numbers, scaled like those of an untrained model. */
function randomizeWeights(path: string): void {
  const file = readFileSync(path)
  const header = Number(file.readBigUInt64LE())
  const tensors = JSON.parse(file.toString('utf8', 8, 8 + header))
  const next = random(1)
  const float = new Float32Array(1)
  const bits = new Uint32Array(float.buffer)
  for (const { shape, data_offsets } of Object.values<{ shape: number[]; data_offsets: number[] }>(tensors)) {
    if (shape?.length !== 2) continue
    const scale = 1 / Math.sqrt(shape[1] as number)
    for (let at = data_offsets[0] as number; at < (data_offsets[1] as number); at += 2) {
      float[0] = scale * Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
      file.writeUInt16LE((bits[0] as number) >>> 16, 8 + header + at)
    }
  }
  writeFileSync(path, file)
}
