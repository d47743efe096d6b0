/** What tether show says of a model, from its files. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { modelFacts } from '../../src/models/model-facts.js'
import { countParameters } from '../../src/models/parameters.js'
import { writeModel } from '../support/model-folders.js'

let folder: string
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'tether-facts-test-')), 'model')
})
afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }))
const factsOf = (options = {}) => modelFacts({ name: 'model', path: folder }, { element: 2, memory: 1e9, ...options })

describe('countParameters', () => {
  const tensor = (dtype: string, ...shape: number[]) => ({ dtype, shape, data_offsets: [0, 0] as [number, number] })

  test.each([
    ['plain tensors', {}, { a: tensor('BF16', 10, 20), b: tensor('BF16', 5) }, { total: 205 }],
    [
      'a matrix of 4 bits in groups of 64 as its numbers unpacked',
      { quantization: { group_size: 64, bits: 4 } },
      { 'a.weight': tensor('U32', 8, 16), 'a.scales': tensor('BF16', 8, 2), 'a.biases': tensor('BF16', 8, 2) },
      { total: 8 * 128 },
    ],
    [
      'of a mixture of experts also those of one token',
      { text_config: { num_experts: 8, top_k_experts: 2 } },
      { 'layers.0.experts.switch_glu.up_proj.weight': tensor('BF16', 8, 10, 10), 'a.weight': tensor('BF16', 100) },
      { total: 900, active: 300 },
    ],
    [
      'no active ones where the config does not say how many experts a token has',
      { num_experts: 8 },
      { 'layers.0.experts.up.weight': tensor('BF16', 8, 10) },
      { total: 80 },
    ],
  ])('counts %s', (_, config, tensors, expected) => {
    expect(countParameters(config, [tensors])).toEqual(expected)
  })
})

describe('modelFacts', () => {
  test('has the shape, the memory, the tokenizer and the files', async () => {
    writeModel(folder)
    expect(await factsOf()).toMatchObject({
      state: 'ok',
      family: 'llama',
      quantization: 'bf16',
      layers: { full: 4, sliding: 0, linear: 0, sharing: 0 },
      heads: { attention: 4, keyValue: 2, size: 16 },
      hiddenSize: 64,
      window: 8192,
      fits: 'yes',
      context: { perToken: 4 * 2 * 2 * 16 * 2, fixed: 0, element: 2 },
      chat: { tokenizer: 'tokenizer.json', family: 'base' },
      files: [{ name: 'config.json' }, { name: 'model.safetensors' }, { name: 'tokenizer.json' }],
    })
  })

  test('has the template, how a call begins, and the drafter beside it', async () => {
    writeModel(folder)
    const drafter = writeModel(`${folder}-assistant`)
    writeFileSync(
      join(folder, 'chat_template.jinja'),
      '{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}',
    )
    expect(await factsOf()).toMatchObject({
      drafter,
      chat: { template: 'chat_template.jinja', family: 'taught', call: { taught: true } },
    })
  })

  test('counts the layers of each kind', async () => {
    writeModel(folder, {
      config: { model_type: 'gemma3_text', sliding_window: 512, sliding_window_pattern: 2, num_kv_shared_layers: 1 },
    })
    expect(await factsOf()).toMatchObject({
      layers: { full: 2, sliding: 2, linear: 0, sharing: 1 },
      slidingWindow: 512,
    })
  })

  test('of a damaged model has the fault and the files', async () => {
    writeModel(folder)
    writeFileSync(join(folder, 'config.json'), '{')
    expect(await factsOf()).toMatchObject({ state: 'damaged', fault: expect.any(String), files: [{}, {}, {}] })
  })

  test('of an adapter has the model that it changes', async () => {
    mkdirSync(folder)
    writeFileSync(join(folder, 'adapter_config.json'), '{"base_model_name_or_path": "org/base"}')
    expect(await factsOf()).toMatchObject({ state: 'unsupported', baseModel: 'org/base' })
  })

  test.each([
    [{ 'README.md': '---\ntags:\n- mlx\nlicense: apache-2.0\n---\n# Model\nlicense: mit\n' }, 'apache-2.0'],
    [{ 'README.md': '---\r\nlicense: "other"\r\nlicense_name: gemma\r\n---\r\n' }, 'gemma'],
    [{ 'README.md': '# Model\nlicense: mit\n' }, undefined],
    [{ LICENSE: '\n\n   Apache License\n Version 2.0\n' }, 'Apache License'],
    [{ LICENSE: 'x'.repeat(500) }, `${'x'.repeat(79)}…`],
    [{ LICENSE: 'a\u001b[31mb' }, 'a\\x1b[31mb'],
    [{ LICENSE: 'Some text', '.pulled.json': '{"license": "llama3.2"}' }, 'llama3.2'],
    [{ '.pulled.json': 'broken', LICENSE: 'MIT License' }, 'MIT License'],
    [{}, undefined],
  ])('reads the license of %j', async (files, license) => {
    writeModel(folder)
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    expect((await factsOf()).license).toBe(license)
  })
})
