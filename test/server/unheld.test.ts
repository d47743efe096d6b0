/** What calls are not held to: the log says it once, though each request has it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadModel, type Model } from '../../src/load-model.js'
import { type LogLine, serve } from '../../src/server/serve.js'
import { ask } from '../support/fake-server.js'
import { until } from '../support/until.js'

let model: Model
beforeAll(async () => {
  model = await loadModel('demo')
})
afterAll(() => model.close())

const tool = (name: string, maxLength: number) => ({
  name,
  input_schema: { type: 'object', properties: { text: { type: 'string', maxLength } }, required: ['text'] },
})

test('what calls are not held to is logged with the first request that has it', async () => {
  const lines: LogLine[] = []
  const server = await serve(model, { port: 0, onLog: (line) => lines.push(line) })
  const unheld = async (tools: object[]) => {
    const messages = [{ role: 'user', content: 'Say pineapple.' }]
    const body = JSON.stringify({ model: 'demo', max_tokens: 5, messages, tools })
    const count = lines.length
    expect((await ask(`${server.url}/v1/messages`, { body })).status).toBe(200)
    await until(() => lines.length > count)
    return lines.at(-1)?.unheld
  }
  try {
    expect(await unheld([tool('A', 500), tool('B', 10)])).toEqual([expect.stringMatching(/A.*maxLength/)])
    expect(await unheld([tool('A', 500), tool('B', 10)])).toBeUndefined()
    expect(await unheld([tool('A', 500), tool('C', 500)])).toEqual([expect.stringMatching(/C.*maxLength/)])
    expect(await unheld([tool('C', 500), tool('A', 500)])).toBeUndefined()
  } finally {
    await server.close()
  }
})
