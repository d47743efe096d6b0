/** Which checkpoint drafts for a model, and what is refused. */
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openModel } from '../../src/model/load.js'
import { llamaLayer, type ModelFolder, writeModel } from '../support/model-folders.js'

let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tether-drafter-'))
})
afterEach(() => rmSync(root, { recursive: true }))

async function drafterOf(draft?: string): Promise<string | undefined> {
  const model = await openModel(writeModel(join(root, 'model')), { draft })
  await model.close()
  return model.info.drafter
}

function put(name: string, model?: ModelFolder): string {
  return writeModel(join(root, name), model)
}

describe('what drafts', () => {
  test('is nothing where nothing lies beside the model', async () => {
    put('other')
    expect(await drafterOf()).toBeUndefined()
  })

  test('is a folder that is named after it, before one in its own', async () => {
    const own = put('model/assistant')
    expect(await drafterOf()).toBe(own)
    const beside = put('model-assistant')
    expect(await drafterOf('auto')).toBe(beside)
    expect(await drafterOf('off')).toBeUndefined()
  })

  test('is the folder that is given', async () => {
    const other = put('other')
    put('model-assistant')
    expect(await drafterOf(other)).toBe(other)
  })

  test('is loaded with a warning where it is larger than the model', async () => {
    const larger = put('model-assistant', { config: { num_hidden_layers: 5 }, tensors: llamaLayer(4) })
    const model = await openModel(writeModel(join(root, 'model')))
    await model.close()
    expect(model.info.drafter).toBe(larger)
    expect(model.info.warnings).toEqual([expect.stringContaining('model-assistant is larger than the model')])
  })

  test('may have a few other tokens', async () => {
    const other = put('other')
    swapTokens(other, 2)
    expect(await drafterOf(other)).toBe(other)
  })
})

describe('what cannot draft', () => {
  const fix = '--draft off'
  test('a folder that is none, with the word that may have been meant', async () => {
    await expect(drafterOf('of')).rejects.toThrow('draft is of, which is no folder of a checkpoint')
    await expect(drafterOf(join(root, 'none'))).rejects.toMatchObject({ code: 'model_not_found' })
    await expect(drafterOf('')).rejects.toMatchObject({ code: 'bad_config' })
  })

  test('a checkpoint of another vocabulary', async () => {
    const other = put('model-assistant')
    swapTokens(other, 20)
    await expect(drafterOf()).rejects.toThrow(/model-assistant cannot be used: it has another vocabulary.*differ/)
    await expect(drafterOf()).rejects.toThrow(fix)
  })

  test('the model itself, by another name, too', async () => {
    const model = join(root, 'model')
    await expect(drafterOf(model)).rejects.toThrow('it is the model itself')
    symlinkSync(model, join(root, 'model-assistant'))
    await expect(drafterOf()).rejects.toThrow(fix)
  })

  test('one without a tokenizer and of another number of tokens', async () => {
    const other = put('other', { config: { vocab_size: 256 }, tensors: { 'model.embed_tokens.weight': bf16(256, 64) } })
    rmSync(join(other, 'tokenizer.json'))
    await expect(drafterOf(other)).rejects.toThrow('256 tokens, not 512')
  })

  test('one that is damaged', async () => {
    const other = put('other')
    writeFileSync(join(other, 'config.json'), '{')
    await expect(drafterOf(other)).rejects.toThrow(`the drafter ${other} cannot be used`)
    const cut = put('cut', { config: { num_hidden_layers: 2 } })
    await expect(drafterOf(cut)).rejects.toThrow(fix)
  })

  test('one that only the addon finds to be damaged', async () => {
    const other = put('other', { tensors: { 'model.norm.weight': bf16(32) } })
    await expect(drafterOf(other)).rejects.toThrow(`the drafter ${other} cannot be used`)
    await expect(drafterOf(other)).rejects.toThrow(fix)
  })
})

/** Gives each of so many pairs of tokens the other's id. */
function swapTokens(folder: string, pairs: number): void {
  const path = join(folder, 'tokenizer.json')
  const file = JSON.parse(readFileSync(path, 'utf8')) as { model: { vocab: Record<string, number> } }
  const { vocab } = file.model
  const tokens = Object.keys(vocab)
  for (let i = 0; i < pairs; i++) {
    const [one, other] = [tokens[2 * i] as string, tokens[2 * i + 1] as string]
    ;[vocab[one], vocab[other]] = [vocab[other] as number, vocab[one] as number]
  }
  writeFileSync(path, JSON.stringify(file))
}

const bf16 = (...shape: number[]) => ({ dtype: 'BF16', shape })
