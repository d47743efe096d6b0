/** `tether pull` and the assistant that drafts for a model: asked for, found under its published names, or not there. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { namesOfDrafters } from '../../../src/cli/models/pull-drafter.js'
import { useTether } from '../../support/cli-fixture.js'
import { type FakeHub, startFakeHub } from '../../support/fake-hub.js'
import { modelFiles } from '../../support/model-folders.js'

const tether = useTether()
const name = 'org/gemma-4-e4b-it-4bit'
let hub: FakeHub
beforeEach(async () => {
  const others = { 'org/gemma-4-e4b-it-assistant': modelFiles({ config: { model_type: 'gemma4_assistant' } }) }
  hub = await startFakeHub({ name, files: modelFiles(), others })
})
afterEach(() => hub.close())

const env = () => ({ HF_ENDPOINT: hub.endpoint })
const pull = (...args: string[]) => tether.start(['pull', ...args], env()).ended
const isThere = (model: string) => existsSync(join(tether.place.home, '.tether', 'models', model, 'config.json'))
const both = () => [isThere(name), isThere('org/gemma-4-e4b-it-assistant')]

describe('tether pull', () => {
  test.each([
    [[], false],
    [['--no-drafter'], false],
    [['--with-drafter'], true],
  ])('without a terminal and with %j brings the assistant: %s', async (args, expected) => {
    const { code, stderr } = await pull(name, ...(args as string[]))
    expect([code, both()]).toEqual([0, [true, expected]])
    expect(stderr.includes(`It drafts for ${name} from now on\n`)).toBe(expected)
    expect(stderr).not.toContain('warning')
    expect(hub.seen.some(({ url }) => url.includes('assistant'))).toBe(expected)
  })

  test('--with-drafter brings that of a model which is there', async () => {
    await pull(name)
    const { code, stderr } = await pull(name, '--with-drafter')
    expect([code, both()]).toEqual([0, [true, true]])
    expect(stderr).toContain(`${name} is already downloaded`)
  })

  test.each([
    ['y', [true, true]],
    ['n', [true, false]],
  ])('in a terminal asks first, and after %s has model and assistant: %j', async (key, expected) => {
    const terminal = tether.openUntilStatus(['pull', name], { env: env(), columns: 60 })
    await terminal.shows('Download it too, if there is one?')
    expect(hub.seen).toEqual([])
    terminal.type(key)
    await terminal.shows('status 0')
    expect(both()).toEqual(expected)
  })

  test('says which names it has tried', async () => {
    hub.options.others = {}
    const { code, stderr } = await pull(name, '--with-drafter')
    expect([code, both()]).toEqual([1, [true, false]])
    expect(stderr).toContain(`there is no assistant for ${name} under the names org/gemma-4-e4b-it-assistant-bf16, `)
  })

  test('knows that other models have none', async () => {
    hub.options.name = 'org/llama'
    const { code, stderr } = await pull('org/llama', '--with-drafter')
    expect([code, stderr]).toEqual([1, expect.stringContaining('no assistant is published for org/llama.')])
    expect((await pull('org/llama', '--with-drafter', '--no-drafter')).code).toBe(2)
  })
})

test.each([
  ['mlx-community/gemma-4-E4B-it-8bit', ['-bf16', '-8bit', '']],
  ['google/gemma-4-31B-it', ['', '-bf16']],
  ['mlx-community/gemma-4-12B-it-qat-4bit', ['-bf16', '-4bit', '']],
  ['mlx-community/gemma-3-4b-it-4bit', undefined],
  ['mlx-community/gemma-4-e4b-it-assistant-bf16', undefined],
  ['google/gemma-4-E2B', undefined],
])('the assistants of %s have these endings: %j', (model, endings) => {
  const base = model.replace(/-\dbit$/, '')
  expect(namesOfDrafters(model)).toEqual((endings ?? []).map((ending) => `${base}-assistant${ending}`))
})
