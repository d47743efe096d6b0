/** A checkpoint with a slow template and a pattern that backtracks: the server answers all the same, and ends when it is told to. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ask } from '../support/fake-server.js'
import { healthDuring } from '../support/health-during.js'

const root = join(import.meta.dirname, '..', '..')
const demo = join(root, 'demo', 'model')
const folder = mkdtempSync(join(tmpdir(), 'tether-hostile-'))
const OWN = ['tokenizer.json', 'chat_template.jinja']
/** Writes what was said, and first works for a second if it is asked to. */
const TEMPLATE = `{% if 'slow' in messages[-1].content %}{% for i in range(1000) %}{% for j in range(2000) %}{% endfor %}{% endfor %}{% endif %}
{%- for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}`
const program = `import { loadModel, serve } from ${JSON.stringify(join(root, 'dist', 'index.js'))}
const model = await loadModel(${JSON.stringify(folder)}, { maxContext: 4096 })
const server = await serve(model, { port: 0 })
process.on('SIGTERM', async () => { await server.close(); await model.close() })
console.log(server.url)`

let child: ChildProcess
let url: string
beforeAll(async () => {
  for (const name of readdirSync(demo)) if (!OWN.includes(name)) symlinkSync(join(demo, name), join(folder, name))
  const tokenizer = JSON.parse(readFileSync(join(demo, 'tokenizer.json'), 'utf8'))
  const pre_tokenizer = { type: 'Split', pattern: { Regex: '(a|aa)+$' }, behavior: 'Isolated', invert: false }
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify({ ...tokenizer, pre_tokenizer }))
  writeFileSync(join(folder, 'chat_template.jinja'), TEMPLATE)
  child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  url = String((await once(child.stdout as NodeJS.ReadableStream, 'data'))[0]).trim()
})
afterAll(() => {
  child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

const headers = { 'content-type': 'application/json' }
const count = (content: string) =>
  ask(`${url}/v1/messages/count_tokens`, { headers, body: { model: 'x', messages: [{ role: 'user', content }] } })

it('health is answered while a small request takes long to read', async () => {
  const work = Promise.all(Array.from({ length: 3 }, (_, i) => count(`slow ${i} ${'a'.repeat(60)}!`)))
  const { quick, asked } = await healthDuring(url, work)
  expect((await work).map(({ status }) => status)).toEqual([200, 200, 200])
  expect(asked).toBeGreaterThan(10)
  expect(quick).toBeLessThan(50)
})

it('ends at SIGTERM while one is read', async () => {
  const work = count('slow').catch(() => {})
  await new Promise((resolve) => setTimeout(resolve, 100))
  child.kill('SIGTERM')
  expect((await once(child, 'exit'))[0]).toBe(0)
  await work
})
