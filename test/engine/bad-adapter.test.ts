/** What is wrong with an adapter is said before it is used: the tensor or the setting, and the fix. */
import { readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { readAdapter } from '../../src/engine/adapter/read-adapter.js'
import { loadEngine, loadNative } from '../../src/engine/load.js'
import { stored, writeAdapter } from '../support/adapters.js'
import { checkpoint, collect, editTensors, greedy, rejection, type StoredTensor } from '../support/checkpoints.js'

const BASE = checkpoint('llama-a')
type Tensors = Map<string, StoredTensor>
type Edit = { config?: object; tensors?: (tensors: Tensors) => void; folder?: (path: string) => Promise<unknown> }

let mlx = ''
let peft = ''
beforeEach(async () => {
  mlx = await writeAdapter(BASE, { seed: 1 })
  peft = await writeAdapter(BASE, { seed: 1, layout: 'peft' })
})

async function edit(folder: string, { config, tensors, folder: change }: Edit): Promise<void> {
  const file = join(folder, 'adapter_config.json')
  if (config) await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')), ...config }))
  const [weights = ''] = (await readdir(folder)).filter((name) => name.endsWith('.safetensors'))
  if (tensors) await editTensors(join(folder, weights), tensors)
  await change?.(folder)
}

const first = (tensors: Tensors, end: string) => [...tensors.keys()].find((name) => name.endsWith(end)) as string
const set =
  (end: string, shape: number[], value = 0.1) =>
  (tensors: Tensors) => {
    const count = shape.reduce((a, b) => a * b, 1)
    tensors.set(first(tensors, end), stored(new Float32Array(count).fill(value), shape))
  }
const parameters = (changes: object) => ({
  lora_parameters: { rank: 4, scale: 2, dropout: 0, keys: ['self_attn.q_proj'], ...changes },
})

describe("mlx-lm's layout", () => {
  test.each<[string, Edit, string]>([
    ['DoRA', { config: { fine_tune_type: 'dora' } }, 'fine_tune_type is "dora"'],
    ['full weights', { config: { fine_tune_type: 'full' } }, 'mlx_lm.fuse'],
    ['no lora_parameters', { config: { lora_parameters: null } }, 'no lora_parameters'],
    ['no scale', { config: parameters({ scale: undefined }) }, 'lora_parameters.scale must be a number'],
    ['alpha for scale', { config: parameters({ scale: undefined, alpha: 16 }) }, 'mlx-lm reads scale'],
    ['a scale that is no number', { config: parameters({ scale: '2' }) }, 'must be a number'],
    [
      'another rank than its tensors',
      { config: parameters({ rank: 8 }) },
      'has rank 4, its adapter_config.json says 8',
    ],
    ['rank 0', { config: parameters({ rank: undefined }), tensors: set('.lora_a', [32, 0]) }, 'at least 1'],
    ['one matrix of two', { tensors: (t) => t.delete(first(t, '.lora_b')) }, '.lora_b is missing'],
    ['the other matrix of two', { tensors: (t) => t.delete(first(t, '.lora_a')) }, '.lora_a is missing'],
    [
      'a tensor of another kind',
      { tensors: (t) => t.set('model.layers.0.mlp.up_proj.m', stored(new Float32Array(1), [1])) },
      'up_proj.m is no tensor of LoRA',
    ],
    [
      'control characters',
      { tensors: (t) => t.set('\u001b[31mred', stored(new Float32Array(1), [1])) },
      '\\x1b[31mred is no tensor',
    ],
    [
      'an adapted head',
      {
        tensors: (t) =>
          t
            .set('lm_head.lora_a', stored(new Float32Array(4), [1, 4]))
            .set('lm_head.lora_b', stored(new Float32Array(4), [4, 1])),
      },
      'it changes lm_head',
    ],
    ['no tensors', { tensors: (t) => t.clear() }, 'has no tensors'],
    ['half of its file', { folder: (path) => truncate(join(path, 'adapters.safetensors'), 3000) }, 'is truncated'],
    ['no file', { folder: (path) => rm(join(path, 'adapters.safetensors')) }, 'has no adapters.safetensors'],
    [
      'an .npz file',
      { folder: (path) => rename(join(path, 'adapters.safetensors'), join(path, 'adapters.npz')) },
      'adapters.npz is not read',
    ],
    ['a broken config', { folder: (path) => writeFile(join(path, 'adapter_config.json'), '{') }, 'is not valid JSON'],
    ['no config', { folder: (path) => rm(join(path, 'adapter_config.json')) }, 'is not a LoRA adapter'],
  ])('with %s is refused', async (_what, changes, why) => {
    await edit(mlx, changes)
    expect(() => readAdapter(mlx)).toThrow(why)
    expect(() => readAdapter(mlx)).toThrow(mlx)
  })

  test('that is no folder is refused', async () => {
    expect(() => readAdapter('/nowhere/adapter')).toThrow('/nowhere/adapter is not a LoRA adapter')
  })
})

describe("PEFT's layout", () => {
  test.each<[string, Edit, string]>([
    ['another method', { config: { peft_type: 'LOHA' } }, 'peft_type is "LOHA"'],
    ['DoRA', { config: { use_dora: true } }, 'it is DoRA'],
    ['biases', { config: { bias: 'lora_only' } }, 'changes biases'],
    ['whole modules', { config: { modules_to_save: ['lm_head'] } }, 'modules_to_save'],
    ['new tokens', { config: { trainable_token_indices: [1] } }, 'trainable_token_indices'],
    ['a start that changes the model', { config: { init_lora_weights: 'pissa_niter_4' } }, 'pissa_niter_4'],
    ['no r', { config: { r: undefined } }, 'r must be a whole number'],
    ['no lora_alpha', { config: { lora_alpha: null } }, 'lora_alpha must be a number'],
    ['another r than its tensors', { config: { r: 8 } }, 'has rank 4, its adapter_config.json says 8'],
    ['a pattern that is no name', { config: { rank_pattern: { '(q|k)_proj': 4 } } }, 'no module'],
    ['a pattern of zeros', { config: { alpha_pattern: { q_proj: 0 } } }, 'above 0'],
    [
      'an adapted embedding',
      {
        tensors: (t) =>
          t.set('base_model.model.model.embed_tokens.lora_embedding_A', stored(new Float32Array(4), [4, 1])),
      },
      'lora_embedding_A is no tensor of LoRA',
    ],
    [
      '.bin weights',
      { folder: (path) => rename(join(path, 'adapter_model.safetensors'), join(path, 'adapter_model.bin')) },
      'adapter_model.bin is not read',
    ],
  ])('with %s is refused', async (_what, changes, why) => {
    await edit(peft, changes)
    expect(() => readAdapter(peft)).toThrow(why)
    expect(() => readAdapter(peft)).toThrow(peft)
  })

  test.each<[string, object, number]>([
    ['lora_alpha over r', {}, 2],
    ['lora_alpha over the root of r with rslora', { use_rslora: true }, 4],
    [
      'of a pattern, for the modules that it names',
      { alpha_pattern: { q_proj: 12, 'model.layers.0.mlp.up_proj': 4 } },
      2,
    ],
  ])('has the scale %s', async (_what, config, scale) => {
    await edit(peft, { config })
    const { parts } = readAdapter(peft)
    const of = (layer: string) => parts.find((part) => part.layer === layer)?.scale
    expect(of('layers.0.self_attn.k_proj')).toBe(scale)
    const isPattern = 'alpha_pattern' in config
    expect(of('layers.1.self_attn.q_proj')).toBe(isPattern ? 3 : scale)
    expect(of('layers.0.mlp.up_proj')).toBe(isPattern ? 1 : scale)
    expect(of('layers.1.mlp.up_proj')).toBe(scale)
  })
})

describe('an adapter that does not fit the model', () => {
  async function loadError(folder: string, options = {}) {
    const error = await rejection(loadNative(BASE, { adapters: [readAdapter(folder)], ...options }))
    expect(error.message).toContain(folder)
    return error
  }

  test.each<[string, Edit, string[]]>([
    ['another width', { tensors: set('q_proj.lora_a', [48, 4]) }, ['q_proj.lora_a', '(48, 4)', '(64, 32)', '(32, 4)']],
    ['another height', { tensors: set('k_proj.lora_b', [4, 48]) }, ['k_proj.lora_b', '(4, 48)', '(4, 32)']],
    ['vectors', { tensors: set('q_proj.lora_b', [256]) }, ['q_proj.lora_b', '(256)', 'a matrix of floats']],
    [
      'a rank above its layers',
      {
        config: parameters({ rank: undefined }),
        tensors: (t) => {
          set('q_proj.lora_a', [32, 100])(t)
          set('q_proj.lora_b', [100, 64])(t)
        },
      },
      ['rank 100', 'at most'],
    ],
    [
      'numbers that are not finite',
      { tensors: set('q_proj.lora_a', [32, 4], Number.NaN) },
      ['q_proj.lora_a', 'not finite'],
    ],
    [
      'infinite numbers',
      { tensors: set('down_proj.lora_b', [4, 32], Number.POSITIVE_INFINITY) },
      ['down_proj.lora_b', 'not finite'],
    ],
    [
      'a layer that is missing',
      {
        tensors: (t) => {
          for (const name of [...t.keys()]) if (name.includes('layers.2.mlp.up_proj')) t.delete(name)
        },
      },
      ['has no tensors for layers.2.mlp.up_proj'],
    ],
    [
      'more layers',
      {
        tensors: (t) => {
          for (const [name, tensor] of [...t]) t.set(name.replace('layers.3', 'layers.9'), tensor)
        },
      },
      ['layers.9.', 'Use the model that the adapter was made for'],
    ],
    [
      'layers of another family',
      {
        tensors: (t) => {
          for (const [name, tensor] of [...t]) t.set(name.replace('mlp.up_proj', 'mlp.fc1'), tensor)
        },
      },
      ['mlp.fc1'],
    ],
  ])('by %s is refused', async (_what, changes, wanted) => {
    await edit(mlx, changes)
    const error = await loadError(mlx)
    expect(error.code).toBe('bad_weights')
    for (const part of wanted) expect(error.message).toContain(part)
  })

  test("in PEFT's layout is refused with the shapes of its file", async () => {
    await edit(peft, { tensors: set('q_proj.lora_A.weight', [4, 48]) })
    const { message } = await loadError(peft)
    expect(message).toContain('(4, 48)')
    expect(message).toContain('(4, 32)')
  })

  test('by the memory cap is refused with numbers', async () => {
    const { message, code } = await loadError(mlx, { memoryCap: 340_000 })
    expect(code).toBe('not_enough_memory')
    expect(message).toContain('--memory-cap')
  })

  test('leaves nothing behind: the model can be loaded without', async () => {
    await edit(mlx, { tensors: set('q_proj.lora_a', [32, 4], Number.NaN) })
    await loadError(mlx)
    const engine = await loadEngine(BASE)
    onTestFinished(() => engine.close())
    expect((await collect(engine.generate(greedy([1, 2, 3], 4)))).tokens).toHaveLength(4)
  })

  test('counts in the memory of the weights', async () => {
    const plain = await loadNative(BASE)
    const adapted = await loadNative(BASE, { adapters: [readAdapter(mlx)] })
    const [before, after] = [plain.info.memory.weights, adapted.info.memory.weights]
    plain.close()
    adapted.close()
    // 4 layers of 7 pairs; 32 to 64 wide, of rank 4, in float32.
    expect(after - before).toBe(4 * 4 * 4 * (5 * 96 + 2 * 64))
  })
})

describe('a request', () => {
  test.each([-1, 2, 0.5, Number.NaN, 2 ** 40])(
    'for adapter %d of one is refused, and the next is answered',
    async (adapter) => {
      const engine = await loadEngine(BASE, { adapters: [readAdapter(mlx)] })
      onTestFinished(() => engine.close())
      const error = await rejection(collect(engine.generate({ ...greedy([1, 2, 3], 4), adapter })))
      expect(error.code).toBe('invalid_request')
      expect(error.message).toContain('adapter')
      expect((await collect(engine.generate({ ...greedy([1, 2, 3], 4), adapter: 1 }))).tokens).toHaveLength(4)
    },
  )
})
