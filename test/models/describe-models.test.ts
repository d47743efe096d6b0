/** What describeModels reports about the models on this machine. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadEngine } from '../../src/engine/load.js'
import { MODEL_TYPES } from '../../src/engine/model-types.js'
import { contextNeed } from '../../src/models/context-need.js'
import { describeModel, describeModels } from '../../src/models/describe-models.js'
import { CHECKPOINTS, checkpoint } from '../support/checkpoints.js'
import { llamaConfig, writeCachedModel, writeModel } from '../support/model-folders.js'

let modelsDir: string
let hubCache: string
beforeEach(() => {
  modelsDir = mkdtempSync(join(tmpdir(), 'tether-describe-test-'))
  hubCache = join(modelsDir, '.hub')
})
afterEach(() => rmSync(modelsDir, { recursive: true }))

const describeAll = (options = {}) => describeModels(modelsDir, { hubCache, element: 2, ...options })

test('the supported types are those that the addon loads', () => {
  const source = readFileSync('native/model/model.cpp', 'utf8')
  const table = /families\{([\s\S]*?)\};/.exec(source)?.[1] ?? ''
  expect([...table.matchAll(/\{"(\w+)",/g)].map(([, type]) => type)).toEqual(MODEL_TYPES)
})

test.each(CHECKPOINTS)('the estimate for %s is what the engine counts', async (name) => {
  const engine = await loadEngine(checkpoint(name))
  const { computeDtype, memory, quantization } = engine.info
  await engine.close()
  const config = JSON.parse(readFileSync(join(checkpoint(name), 'config.json'), 'utf8'))
  const element = computeDtype === 'f32' || computeDtype === 'float32' ? 4 : 2
  expect(contextNeed(config, element)?.perToken).toBe(memory.perToken)
  const [summary] = await describeModels(join(checkpoint(name), '..'), { hubCache }).then((all) =>
    all.filter((model) => model.name === name),
  )
  // Fixtures that only the engine reads have no tokenizer.
  const whole = existsSync(join(checkpoint(name), 'tokenizer.json'))
  expect(summary).toMatchObject(whole ? { state: 'ok', fits: 'yes' } : { state: 'damaged' })
  expect(summary?.quantization).toContain(quantization.replace('-bit', ''))
})

test.each([38, 48, 72])(
  'the window that fits %d MB is one that loading gives a model with sliding layers',
  async (MB) => {
    const path = join('demo', 'model')
    const cap = MB * 1e6
    const engine = await loadEngine(path, { memoryCap: cap })
    const { window, windowLimit } = engine.info
    await engine.close()
    expect(windowLimit).toBe('memory')
    const element = engine.info.computeDtype === 'f32' ? 4 : 2
    const { fittingWindow = 0 } = await describeModel(path, { memory: cap, element })
    expect(fittingWindow).toBeLessThanOrEqual(window)
    expect(fittingWindow).toBeGreaterThan(0.7 * window)
  },
)

describe('contextNeed', () => {
  const need = (config: Record<string, unknown>) => contextNeed({ ...llamaConfig, ...config }, 2)

  test.each([
    ['full layers', {}, { perToken: 4 * 2 * 2 * 16 * 2, fixed: 0 }],
    ['a text part', { text_config: llamaConfig, hidden_size: 1 }, { perToken: 4 * 2 * 2 * 16 * 2, fixed: 0 }],
    [
      'sliding layers',
      { layer_types: [...Array(3).fill('sliding_attention'), 'full_attention'], sliding_window: 512 },
      { perToken: 128, fixed: 3 * 128 * (512 + 1024) },
    ],
    ['linear attention', { full_attention_interval: 4 }, { perToken: 128, fixed: 0 }],
    ['a latent', { kv_lora_rank: 32, qk_rope_head_dim: 8 }, { perToken: 4 * 40 * 2, fixed: 0 }],
    ['nothing', { num_hidden_layers: 'many' }, undefined],
  ])('counts %s', (_, config, expected) => expect(need(config)).toEqual(expected))
})

describe('describeModels', () => {
  test('reports family, quantization, size and window of a model', async () => {
    writeModel(join(modelsDir, 'org', 'small'))
    expect(await describeAll()).toEqual([
      {
        name: 'org/small',
        path: join(modelsDir, 'org', 'small'),
        place: 'models',
        family: 'llama',
        quantization: 'bf16',
        size: expect.any(Number),
        window: 8192,
        fits: 'yes',
        fittingWindow: 8192,
        state: 'ok',
      },
    ])
  })

  test('reads the bits from the shapes of packed tensors', async () => {
    const layer = (bits: number, rows: number) => ({
      weight: { dtype: 'U32', shape: [rows, (64 * bits) / 32] },
      scales: { dtype: 'BF16', shape: [rows, 2] },
    })
    const tensors = (layers: ReturnType<typeof layer>[]) =>
      Object.fromEntries(
        layers.flatMap(({ weight, scales }, i) => [
          [`l${i}.weight`, weight],
          [`l${i}.scales`, scales],
        ]),
      )
    const config = { quantization: { group_size: 32, bits: 4, l1: { group_size: 32, bits: 8 } } }
    writeModel(join(modelsDir, 'a'), { config, tensors: tensors([layer(4, 100), layer(8, 4)]) })
    writeModel(join(modelsDir, 'b'), { config, tensors: tensors([layer(8, 60), layer(4, 40)]) })
    const { weight, scales } = layer(4, 100)
    const mxfp4 = { 'l0.weight': weight, 'l0.scales': { ...scales, dtype: 'U8' } }
    writeModel(join(modelsDir, 'c'), { config: { quantization: { group_size: 32, bits: 4 } }, tensors: mxfp4 })
    writeModel(join(modelsDir, 'd'), { config: { quantization_config: { quant_method: 'gptq', bits: 4 } } })
    const found = await describeAll()
    expect(found.map(({ quantization }) => quantization)).toEqual(['4-bit', '4/8-bit', 'mxfp4', 'gptq'])
    expect(found[3]).toMatchObject({ state: 'unsupported', fault: expect.stringContaining('mlx-community') })
  })

  test('says whether weights and window fit into memory', async () => {
    writeModel(join(modelsDir, 'a'))
    const [{ size = 0 } = {}] = await describeAll()
    const fits = async (options: object) => {
      const [model] = await describeAll(options)
      return [model?.fits, model?.fittingWindow]
    }
    // 512 bytes a token (see llamaConfig); an eighth of what the weights leave is for a pass and freed buffers.
    const memoryFor = (tokens: number) => size + (512 * tokens * 8) / 7
    expect(await fits({ memory: memoryFor(8192) })).toEqual(['yes', 8192])
    expect(await fits({ memory: memoryFor(7000) })).toEqual(['short', 7000])
    expect(await fits({ memory: memoryFor(7000), maxContext: 7000 })).toEqual(['yes', 7000])
    expect(await fits({ memory: memoryFor(3500) })).toEqual(['no', undefined])
    expect(await fits({ memory: size - 1 })).toEqual(['no', undefined])
    expect(await fits({ memory: 0 })).toEqual(['yes', 8192])
  })

  test('lists damaged models with their faults, after the others', async () => {
    writeModel(join(modelsDir, 'a'))
    truncateSync(join(modelsDir, 'a', 'model.safetensors'), 200)
    writeModel(join(modelsDir, 'b'))
    writeFileSync(join(modelsDir, 'b', 'config.json'), '{')
    writeModel(join(modelsDir, 'c'), { shards: 2 })
    rmSync(join(modelsDir, 'c', 'model-00002-of-00002.safetensors'))
    writeModel(join(modelsDir, 'd'))
    rmSync(join(modelsDir, 'd', 'tokenizer.json'))
    writeModel(join(modelsDir, 'e'), { config: { model_type: 'strange', num_hidden_layers: -1 } })
    writeModel(join(modelsDir, 'f'), { config: { num_hidden_layers: null, num_attention_heads: [] } })
    const found = await describeAll()
    expect(found.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'a damaged',
      'b damaged',
      'c damaged',
      'd damaged',
      'e unsupported',
      'f damaged',
    ])
    expect(found[0]?.fault).toMatch(/model\.safetensors is truncated/)
    expect(found[2]?.fault).toMatch(/00002-of-00002\.safetensors, which is missing/)
  })

  test('names GGUF, adapters and PyTorch weights for what they are, and the models beside them', async () => {
    const files = [
      'loose.gguf',
      'q4/llama.gguf',
      'lora/adapter_config.json',
      'org/torch/pytorch_model.bin',
      'notes.txt',
    ]
    for (const file of [...files, 'org/x.gguf', 'tool/data.bin']) {
      mkdirSync(join(modelsDir, file, '..'), { recursive: true })
      writeFileSync(join(modelsDir, file), '')
    }
    writeModel(join(modelsDir, 'org', 'a'))
    // Some repositories have a config.json beside such weights.
    writeFileSync(join(modelsDir, 'q4', 'config.json'), '{"model_type":"llama"}')
    const found = await describeAll()
    expect(found.map(({ name, state, fault }) => `${name} ${state} ${fault?.split('. ')[0] ?? ''}`)).toEqual([
      'org/a ok ',
      'loose.gguf unsupported GGUF is not supported',
      'lora unsupported a LoRA adapter is not a whole model',
      'org/torch unsupported PyTorch weights are not supported',
      'q4 unsupported GGUF is not supported',
    ])
  })

  test("includes the models of the hub's cache", async () => {
    writeModel(join(modelsDir, 'z'))
    const path = writeCachedModel(hubCache, 'org/name', 'c1', { shards: 2 })
    expect((await describeAll()).map(({ name, place }) => [name, place])).toEqual([
      ['z', 'models'],
      ['org/name', 'hub'],
    ])
    expect((await describeAll())[1]).toMatchObject({ path, state: 'ok' })
  })
})
