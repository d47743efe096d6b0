/** What a model finds on disk of an earlier run, besides what the engine keeps. */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { MessageParam } from '../../src/anthropic/request.js'
import { loadModel, type Model } from '../../src/load-model.js'
import { openKept } from '../../src/model/kept.js'
import { readAbout } from '../../src/prefixes/about.js'
import { createTurnMemory } from '../../src/turn/turn-memory.js'
import { speaks } from '../support/fake-engine.js'
import { fakeModel } from '../support/fake-model.js'
import { until } from '../support/until.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tether-kept-test-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const about = () => ({ folder, name: 'org/small', path: '/models/small' })
const user = (content: MessageParam['content']): MessageParam => ({ role: 'user', content })
const END = { control: '<end>' }

/** A model of one run of the program. */
function run(engine: ReturnType<typeof speaks>): Model {
  return fakeModel(engine, { memory: createTurnMemory({ log: openKept(about()).turns }) })
}

describe('after a restart', () => {
  test('a prompt has the turns as they were generated, with calls and without', async () => {
    const call = [{ control: '<call>' }, '{"name":"Edit", "input": {"b":1,"a":"2"}}', { control: '</call>' }, END]
    const first = speaks(['  Done. ', END], call)
    const model = run(first)
    const tools = [{ name: 'Edit', input_schema: {} }]
    const messages = [user('go')]
    const ask = async (of: Model) => of.message({ max_tokens: 50, tools, messages })
    const said = await ask(model)
    // As clients send it back: blanks cut off, keys in another order, defaults added.
    messages.push({ role: 'assistant', content: [{ type: 'text', text: 'Done.' }] }, user('on'))
    expect(said.content).toMatchObject([{ text: '  Done. ' }])
    const [block] = (await ask(model)).content
    if (block?.type !== 'tool_use') throw new Error('no call')
    const sent = { ...block, input: { a: 2, b: 1, replace_all: false } }
    const result = { type: 'tool_result' as const, tool_use_id: block.id, content: 'r' }
    messages.push({ role: 'assistant', content: [sent] }, user([result]))

    const second = speaks(['ok', END])
    await ask(run(second))
    expect(second.prompts[0]).toContain('<turn>assistant   Done. <end>')
    expect(second.prompts[0]).toContain('<turn>assistant <call>{"name":"Edit", "input": {"b":1,"a":"2"}}</call><end>')
  })

  test('a process that runs already finds what another has generated since', async () => {
    const [one, other] = [speaks(['  One. ', END]), speaks(['ok', END])]
    const [here, there] = [run(one), run(other)]
    await there.message({ max_tokens: 50, messages: [user('first')] })
    await here.message({ max_tokens: 50, messages: [user('go')] })
    const messages: MessageParam[] = [user('go'), { role: 'assistant', content: 'One.' }, user('on')]
    await there.message({ max_tokens: 50, messages })
    expect(other.prompts[1]).toContain('<turn>assistant   One. <end>')
  })

  test('turns that cannot be written are kept in memory, which is said once', async () => {
    rmSync(folder, { recursive: true })
    writeFileSync(folder, 'a file where a folder should be')
    const engine = speaks(['  Done. ', END])
    const kept = openKept(about())
    const model = fakeModel(engine, { memory: createTurnMemory({ log: kept.turns }) })
    const messages = [user('go')]
    for (let turn = 0; turn < 3; turn++) {
      await model.message({ max_tokens: 50, messages })
      messages.push({ role: 'assistant', content: 'Done.' }, user('on'))
    }
    expect(engine.prompts[2]).toContain('<turn>assistant   Done. <end>')
    expect(kept.notices()).toEqual([
      expect.stringMatching(/^answers are kept in memory alone, since \S+turns\.bin cannot/),
    ])
  })

  test('the share of turns follows the cap', async () => {
    const { turns } = openKept({ ...about(), diskCache: 64_000 })
    for (let i = 0; i < 100; i++) turns.append(Buffer.alloc(100, i))
    expect(statSync(join(folder, 'turns.bin')).size).toBeLessThanOrEqual(1000)
  })
})

describe('what a session began with', () => {
  const open = (sessionFolder?: string) => openKept({ ...about(), sessionFolder })
  const tools = [{ name: 'Bash', input_schema: {} }]

  test('is its first prompt with tools, for the next session in that folder', async () => {
    const engine = speaks(['ok', END])
    const model = fakeModel(engine, { onPrompt: open('/here').prompted })
    await model.message({ max_tokens: 50, messages: [user('a title, please')] })
    await model.message({ max_tokens: 50, tools, messages: [user('go')] })
    await model.message({ max_tokens: 50, tools, messages: [user('something else')] })
    const next = speaks(END)
    const memory = { refreshed: 0, refresh: () => memory.refreshed++ }
    for (const worked of ['/there', undefined, '/here']) open(worked).readAhead(next, memory)
    expect(next.prefetched).toEqual([engine.requests[1]?.prompt])
    expect(memory.refreshed).toBe(0)
    await until(() => memory.refreshed === 3)
  })

  test('is not kept where no folder is worked in', async () => {
    const model = fakeModel(speaks(['ok', END]), { onPrompt: open().prompted })
    await model.message({ max_tokens: 50, tools, messages: [user('go')] })
    expect(readdirSync(folder)).toEqual(['about.json'])
  })
})

describe('a folder of prefixes', () => {
  test('says which model it belongs to', () => {
    openKept(about())
    expect(readAbout(folder)).toEqual({ model: 'org/small', path: '/models/small', version: 1 })
    expect(statSync(join(folder, 'about.json')).mode & 0o777).toBe(0o600)
  })

  const load = async (options: Parameters<typeof loadModel>[1]) => {
    const model = await loadModel('demo/model', options)
    await model.message({ max_tokens: 3, messages: [user('Say pineapple.')] })
    const { fingerprint } = model.info
    await model.close()
    return fingerprint
  }

  test.each([{}, { diskCache: 0 }, { cacheDir: 'x', diskCache: 0 }])('is not made with %j', async (options) => {
    const cacheDir = 'cacheDir' in options ? join(folder, 'prefixes') : undefined
    await load({ ...options, cacheDir })
    expect(readdirSync(folder)).toEqual([])
  })

  test('is used as asked, by an addon that keeps blocks', async () => {
    const cacheDir = join(folder, 'prefixes')
    const fingerprint = await load({ cacheDir, diskCache: 1e8 })
    expect(existsSync(join(cacheDir, fingerprint, 'turns.bin'))).toBe(fingerprint !== '')
  })

  test('of a wrong size is refused before anything is loaded', async () => {
    await expect(loadModel('demo/model', { diskCache: -1 })).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining('diskCache must be a whole number between 0 and'),
    })
  })
})
