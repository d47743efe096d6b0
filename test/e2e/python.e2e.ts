/** The official Python clients against a real server. Each function of test/e2e/python/*_client.py is a test here. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadModel, type Model } from '../../src/load-model.js'
import { type LogLine, type Server, serve } from '../../src/server/serve.js'
import { collectOutput } from '../support/cli-output.js'
import { scripted } from '../support/scripted-model.mjs'

const folder = join(import.meta.dirname, 'python')
const KEY = 'the-key'

describe.each(['anthropic', 'openai'])('the official Python client %s', (name) => {
  const file = join(folder, `${name}_client.py`)
  const tests = [...readFileSync(file, 'utf8').matchAll(/^def test_(\w+)/gm)].map(([, test = '']) => test)
  const lines: LogLine[] = []
  let model: Model
  let server: Server
  let results: { name: string; error: string | null }[]
  let output = ''

  beforeAll(async () => {
    const python = process.env.TETHER_TEST_PYTHON
    if (!python) throw new Error('TETHER_TEST_PYTHON must name a Python with the clients; npm run test:e2e sets it')
    model = scripted(await loadModel('demo'))
    server = await serve(model, { port: 0, apiKey: KEY, onLog: (line) => lines.push(line) })
    const child = spawn(python, [join(folder, 'run.py'), file, server.url, KEY], { stdio: ['ignore', 'pipe', 'pipe'] })
    const { stdout, stderr } = await collectOutput(child).ended
    output = stderr
    results = stdout.split('\n').flatMap((line) => (line ? [JSON.parse(line)] : []))
  }, 170_000)
  afterAll(async () => {
    await server?.close()
    await model?.close()
  })

  test.each(tests.map((name) => [name.replaceAll('_', ' '), name]))('%s', (_, test) => {
    const result = results.find(({ name }) => name === test)
    expect(result, `it was not run:\n${output}`).toBeDefined()
    expect(result?.error, result?.error ?? '').toBeNull()
  })

  test('gets no error that it did not ask for', () => {
    expect(lines.length).toBeGreaterThan(tests.length)
    expect(lines.filter(({ status }) => status >= 500)).toEqual([])
  })
})
