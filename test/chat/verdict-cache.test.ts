/** What was found out about a template is kept, and a damaged file is as good as none. */
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ChatSource, chatFamily, type TemplateVerdict } from '../../src/chat/families.js'
import { readVerdict, writeVerdict } from '../../src/chat/templates/verdict-cache.js'
import { CHATML_TOKENS, HERMES } from '../support/chat-templates.js'

const source: ChatSource = {
  modelType: 'llama',
  has: () => false,
  template: { source: HERMES, path: 'chat_template.jinja', tokens: {}, controls: CHATML_TOKENS },
}
const verdict = chatFamily(source).verdict as TemplateVerdict

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tether-verdicts-'))
})
afterEach(() => rmSync(folder, { recursive: true }))
const onlyFile = () => join(folder, readdirSync(folder)[0] ?? '')

test('a verdict is read as it was written', async () => {
  expect(await readVerdict(folder, source)).toBeUndefined()
  await writeVerdict(folder, source, verdict)
  expect(await readVerdict(folder, source)).toEqual(verdict)
})

test('another template, type or vocabulary has none', async () => {
  await writeVerdict(folder, source, verdict)
  const template = source.template as NonNullable<ChatSource['template']>
  const others: ChatSource[] = [
    { ...source, modelType: 'mistral' },
    { ...source, template: { ...template, source: `${HERMES} ` } },
    { ...source, template: { ...template, toolSource: HERMES } },
    { ...source, template: { ...template, tokens: { eos_token: 'x' } } },
    { ...source, template: { ...template, controls: [] } },
  ]
  for (const other of others) expect(await readVerdict(folder, other)).toBeUndefined()
})

test.each([
  '',
  '{',
  'null',
  '[]',
  '{"facts":{}}',
  '{"own":1}',
  JSON.stringify({ facts: { ...verdict.facts, stops: [1] } }),
])('a file with %j is ignored', async (content) => {
  await writeVerdict(folder, source, verdict)
  writeFileSync(onlyFile(), content)
  expect(await readVerdict(folder, source)).toBeUndefined()
})

test.skipIf(process.platform === 'win32')('a file that others can write is ignored', async () => {
  await writeVerdict(folder, source, verdict)
  chmodSync(onlyFile(), 0o666)
  expect(await readVerdict(folder, source)).toBeUndefined()
})
