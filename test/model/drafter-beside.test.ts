/** Which published assistant lies beside which model. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { drafterBeside, drafts, withoutBits } from '../../src/model/drafter-beside.js'

describe('a published name', () => {
  test.each([
    ['gemma-4-e4b-it-assistant-bf16', 'gemma-4-e4b-it-4bit', true],
    ['gemma-4-E4B-it-assistant', 'gemma-4-e4b-it-mxfp4', true],
    ['gemma-4-12B-it-qat-assistant-4bit', 'gemma-4-12B-it-qat-8bit', true],
    ['gemma-4-31b-it-assistant-mlx-bf16', 'gemma-4-31b-it', true],
    ['gemma-4-e2b-it-assistant-bf16', 'gemma-4-e4b-it-4bit', false],
    ['gemma-4-12B-it-assistant-bf16', 'gemma-4-12B-it-qat-4bit', false],
    ['gemma-4-e4b-it-4bit', 'gemma-4-e4b-it-4bit', false],
    ['gemma-4-e4b-it-assistant-tuned', 'gemma-4-e4b-it-4bit', false],
    ['-assistant', '', false],
  ])('%s drafts for %s: %s', (assistant, model, expected) => {
    expect(drafts(assistant, model)).toBe(expected)
  })

  test.each([
    ['org/gemma-4-e4b-it-4bit', 'org/gemma-4-e4b-it'],
    ['gemma-3-4b-it-4bit-DWQ', 'gemma-3-4b-it'],
    ['gemma-4-e4b-it-mixed-4-6-bit', 'gemma-4-e4b-it'],
    ['gemma-4-e4b-it', 'gemma-4-e4b-it'],
  ])('%s without bits is %s', (name, base) => {
    expect(withoutBits(name)).toBe(base)
  })
})

describe('auto finds', () => {
  let root = ''
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'tether-beside-'))
  })
  afterEach(() => rmSync(root, { recursive: true }))

  const put = (path: string, config: object) => {
    mkdirSync(join(root, path), { recursive: true })
    writeFileSync(join(root, path, 'config.json'), JSON.stringify(config))
    return join(root, path)
  }
  const model = (path: string) => put(path, { model_type: 'gemma4', text_config: { hidden_size: 64 } })
  const assistant = (path: string, more: object = {}) =>
    put(path, { model_type: 'gemma4_assistant', backbone_hidden_size: 64, ...more })

  test('the assistant of the same organization in the models folder', () => {
    const path = model('org/gemma-4-e4b-it-4bit')
    assistant('other/gemma-4-e4b-it-assistant-bf16')
    expect(drafterBeside(path)).toBeUndefined()
    const own = assistant('org/gemma-4-e4b-it-assistant-bf16')
    expect(drafterBeside(path)).toBe(own)
  })

  test("the assistant in the hub's cache, in the revision main", () => {
    const path = model('hub/models--org--gemma-4-e4b-it-4bit/snapshots/abc')
    const repository = 'hub/models--org--gemma-4-E4B-it-assistant-bf16'
    assistant(`${repository}/snapshots/one`)
    const two = assistant(`${repository}/snapshots/two`)
    mkdirSync(join(root, repository, 'refs'))
    writeFileSync(join(root, repository, 'refs', 'main'), 'two\n')
    expect(drafterBeside(path)).toBe(two)
  })

  test.each([
    ['a chat model that is called assistant', { model_type: 'llama' }],
    ['one for a model of another width', { backbone_hidden_size: 128 }],
  ])('not %s', (_, more) => {
    assistant('org/gemma-4-e4b-it-assistant-bf16', more)
    expect(drafterBeside(model('org/gemma-4-e4b-it-4bit'))).toBeUndefined()
  })

  test('a folder that is named after the model before a published one', () => {
    const path = model('org/gemma-4-e4b-it-4bit')
    assistant('org/gemma-4-e4b-it-assistant-bf16')
    expect(drafterBeside(path)).toContain('bf16')
    const named = put('org/gemma-4-e4b-it-4bit-assistant', {})
    expect(drafterBeside(path)).toBe(named)
  })

  test('nothing where the folder above cannot be read', () => {
    expect(drafterBeside(join(dirname(root), 'none', 'model'))).toBeUndefined()
  })
})
