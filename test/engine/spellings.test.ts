/** One model, its config.json spelled as other versions and programs spell it: the logits are the same. */
import { spawnSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { canonicalConfig } from '../../src/engine/config/canonical.js'
import {
  type CheckpointName,
  copyOf,
  distance,
  editTensors,
  golden,
  logitsOf,
  rejection,
} from '../support/checkpoints.js'

// biome-ignore lint/suspicious/noExplicitAny: the fields are those of the fixtures
type Fields = Record<string, any>

/** Gives config.json another spelling. `text` is its `text_config`, or all of it where it has none. */
type Respell = (config: Fields, text: Fields) => void

/** `fields` of one object are moved to another. */
const move = (from: Fields, to: Fields, ...fields: string[]) => {
  for (const field of fields) {
    if (!(field in from)) throw new Error(`there is no ${field}`)
    to[field] = from[field]
    delete from[field]
  }
}

/** As transformers 5 spells a rotation that is the same in all layers. */
const ropeParameters: Respell = (_, text) => {
  text.rope_parameters = { ...text.rope_scaling, rope_theta: text.rope_theta }
  if (!text.rope_scaling) text.rope_parameters.rope_type = 'default'
  delete text.rope_scaling
  delete text.rope_theta
}

/** As it spells those of sliding and full layers. */
const ropeByKind: Respell = (_, text) => {
  text.rope_parameters = {
    full_attention: { rope_type: 'default', ...text.rope_scaling, rope_theta: text.rope_theta },
    sliding_attention: { rope_type: 'default', rope_theta: text.rope_local_base_freq ?? 10_000 },
  }
  for (const field of ['rope_theta', 'rope_local_base_freq', 'rope_scaling']) delete text[field]
}

const kinds = (count: number, pattern: number) =>
  Array.from({ length: count }, (_, i) => ((i + 1) % pattern === 0 ? 'full_attention' : 'sliding_attention'))

const unwrap: Respell = (config, text) => {
  delete config.text_config
  const { model_type } = config
  Object.assign(config, text, { model_type: text.model_type ?? model_type })
}

const wrap: Respell = (config) => {
  const { model_type, architectures, ...text } = config
  for (const field of Object.keys(text)) delete config[field]
  config.text_config = { ...text, model_type }
}

const SPELLINGS: [CheckpointName, string, Respell][] = [
  ['llama-a', 'rope_parameters', ropeParameters],
  [
    'llama-a',
    'rope_parameters beside a stale rope_theta',
    (c, t) => {
      ropeParameters(c, t)
      t.rope_theta = 77
    },
  ],
  [
    'llama-a',
    'rope_scaling with the theta in it',
    (_, t) => {
      t.rope_scaling.rope_theta = t.rope_theta
      t.rope_theta = 77
    },
  ],
  [
    'llama-a',
    'type for rope_type',
    (_, t) => {
      t.rope_scaling.type = t.rope_scaling.rope_type
      delete t.rope_scaling.rope_type
    },
  ],
  [
    'llama-a',
    'original_max_position_embeddings beside rope_scaling',
    (_, t) => move(t.rope_scaling, t, 'original_max_position_embeddings'),
  ],
  ['llama-a', 'no tie_word_embeddings, though it has a head', (_, t) => delete t.tie_word_embeddings],
  ['llama-a', 'tie_word_embeddings null', (_, t) => Object.assign(t, { tie_word_embeddings: null })],
  ['llama-a', 'a text_config', wrap],
  [
    'llama-a',
    'dtype for torch_dtype, nulls and unknown fields',
    (_, t) =>
      Object.assign(t, { dtype: 'float32', sliding_window: null, layer_types: null, pretraining_tp: 1, x: [null] }),
  ],
  ['llama-b', 'rope_parameters', ropeParameters],
  ['llama-b', 'no tie_word_embeddings and no head', (_, t) => delete t.tie_word_embeddings],
  [
    'llama-b',
    'num_key_value_heads and head_dim null where they are the usual ones',
    (_, t) => {
      if (t.head_dim === undefined) t.head_dim = null
      if (t.num_key_value_heads === t.num_attention_heads) t.num_key_value_heads = null
    },
  ],
  ['llama-c', 'rope_parameters', ropeParameters],
  [
    'llama-c',
    'max_position_embeddings as the float that Python may write',
    (_, t) => Object.assign(t, { max_position_embeddings: 256.0 }),
  ],
  ['mistral-a', 'rope_parameters', ropeParameters],
  [
    'mistral-a',
    'model_type ministral without a window',
    (c) => Object.assign(c, { model_type: 'ministral', sliding_window: null }),
  ],
  [
    'mistral-b',
    'rope_scaling and rope_theta',
    (_, t) => {
      const { rope_theta, ...scaling } = t.rope_parameters
      Object.assign(t, { rope_theta, rope_scaling: scaling })
      delete t.rope_parameters
    },
  ],
  ['mistral-b', 'no text_config', unwrap],
  ['mistral-b', 'no tie_word_embeddings', (_, t) => delete t.tie_word_embeddings],
  [
    'mistral-b',
    'tie_word_embeddings of the wrapper alone',
    (c, t) => {
      c.tie_word_embeddings = true
      delete t.tie_word_embeddings
    },
  ],
  [
    'mistral-b',
    'sizes beside text_config',
    (c, t) => move(t, c, 'vocab_size', 'hidden_size', 'num_hidden_layers', 'head_dim', 'max_position_embeddings'),
  ],
  ['gemma2-a', 'rope_parameters', ropeParameters],
  ['gemma2-a', 'layer_types, which the engine does not read', (_, t) => Object.assign(t, { layer_types: kinds(4, 2) })],
  ['gemma3-a', 'rope_parameters by kind of layer', ropeByKind],
  [
    'gemma3-a',
    'rope_parameters by kind beside stale fields',
    (c, t) => {
      ropeByKind(c, t)
      Object.assign(t, { rope_theta: 5, rope_local_base_freq: 7 })
    },
  ],
  [
    'gemma3-a',
    '_sliding_window_pattern',
    (_, t) => {
      t._sliding_window_pattern = t.sliding_window_pattern
      delete t.sliding_window_pattern
    },
  ],
  [
    'gemma3-a',
    'layer_types for a pattern',
    (_, t) => {
      t.layer_types = kinds(5, t.sliding_window_pattern)
      delete t.sliding_window_pattern
    },
  ],
  [
    'gemma3-a',
    'layer_types and a pattern that is the default',
    (_, t) => {
      t.layer_types = kinds(5, t.sliding_window_pattern)
      t._sliding_window_pattern = 6
    },
  ],
  [
    'gemma3-a',
    'a wrapper',
    (c, t) => {
      wrap(c, t)
      c.model_type = 'gemma3'
    },
  ],
  ['gemma3-b', 'rope_parameters by kind of layer', ropeByKind],
  [
    'gemma3-b',
    'rope_parameters that say it of full layers only',
    (_, t) => {
      t.rope_parameters = { ...t.rope_scaling, rope_theta: t.rope_theta }
      delete t.rope_theta
      delete t.rope_scaling
    },
  ],
  ['gemma3-b', 'no text_config', unwrap],
  [
    'gemma3-b',
    "a vocab_size that is the default beside the text_config's",
    (c) => Object.assign(c, { vocab_size: 262_208 }),
  ],
  ['gemma3-b', 'layer_types', (_, t) => Object.assign(t, { layer_types: kinds(7, 6) })],
  ['gemma3n-a', 'rope_parameters by kind of layer', ropeByKind],
  ['gemma4-a', 'model_type gemma4_unified_text', (c) => Object.assign(c, { model_type: 'gemma4_unified_text' })],
  ['gemma4-a', 'per_layer_config for the sizes of full layers', (_, t) => perLayer(t, false)],
  ['gemma4-b', 'per_layer_config for the sizes of full layers', (_, t) => perLayer(t, false)],
  ['gemma4-b', 'per_layer_config that names all layers', (_, t) => perLayer(t, true)],
  ['gemma4-b', 'rope_parameters beside text_config', (c, t) => move(t, c, 'rope_parameters')],
  ['gemma4-b', 'no tie_word_embeddings', (_, t) => delete t.tie_word_embeddings],
]

/** As transformers 5 writes what Gemma 4's full layers have of their own. */
function perLayer(text: Fields, explicit: boolean): void {
  const { global_head_dim: dim = text.head_dim, num_global_key_value_heads: heads = text.num_key_value_heads } = text
  const full = { head_dim: dim, ...(text.attention_k_eq_v ? { num_key_value_heads: heads } : {}) }
  const sliding = { head_dim: text.head_dim, num_key_value_heads: text.num_key_value_heads }
  const entries = (text.layer_types as string[]).flatMap((kind, layer) => {
    if (kind === 'full_attention') return [[`${layer}`.padStart(2, '0'), full]]
    return explicit ? [[`${layer}`.padStart(2, '0'), sliding]] : []
  })
  text.per_layer_config = Object.fromEntries(entries)
  delete text.global_head_dim
  delete text.num_global_key_value_heads
}

async function respelled(name: CheckpointName, respell: Respell): Promise<string> {
  const folder = await copyOf(name)
  const file = join(folder, 'config.json')
  const config = JSON.parse(await readFile(file, 'utf8'))
  respell(config, config.text_config ?? config)
  await writeFile(file, JSON.stringify(config))
  return folder
}

test.each(SPELLINGS)('%s with %s computes the same logits', async (name, _, respell) => {
  const { prompt, logits } = golden(name)
  const plain = await logitsOf(await copyOf(name), prompt)
  expect(await logitsOf(await respelled(name, respell), prompt)).toEqual(plain)
  expect(distance(plain, logits)).toBeLessThan(1e-2)
})

// With mlx-lm installed, of whose packages transformers is one. The other Gemma 4 end with a sliding layer, which
// transformers changes.
const python = process.env.TETHER_ORACLE_PYTHON
describe.runIf(python)('saved again by transformers', () => {
  test.each<CheckpointName>([
    'llama-a',
    'llama-b',
    'llama-c',
    'llama-d-2bit',
    'mistral-a',
    'mistral-b',
    'gemma2-a',
    'gemma3-a',
    'gemma3-b',
    'gemma3n-a',
    'gemma4-a',
  ])('%s computes the same logits', async (name) => {
    const folder = await copyOf(name)
    const before = await readFile(join(folder, 'config.json'), 'utf8')
    const { status, stderr } = spawnSync(python as string, ['test/goldens/resave.py', folder], { encoding: 'utf8' })
    expect(status, stderr).toBe(0)
    expect(await readFile(join(folder, 'config.json'), 'utf8')).not.toBe(before)
    const { prompt } = golden(name)
    expect(await logitsOf(folder, prompt)).toEqual(await logitsOf(await copyOf(name), prompt))
  })
})

describe('what the text_config of a Gemma 3n leaves out', () => {
  test('has the values of transformers', async () => {
    const { prompt } = golden('gemma3n-a')
    const usual = {
      altup_active_idx: 0,
      altup_coef_clip: 120,
      sliding_window: 512,
      rms_norm_eps: 1e-6,
      activation_sparsity_pattern: [0, 0, 0, 0, 0],
    }
    const named = await respelled('gemma3n-a', (_, text) => Object.assign(text, usual))
    const absent = await respelled('gemma3n-a', (_, text) => {
      for (const field of ['model_type', ...Object.keys(usual)]) delete text[field]
    })
    expect(await logitsOf(absent, prompt)).toEqual(await logitsOf(named, prompt))
  })

  test('is all of Gemma 3n E4B', () => {
    const { text_config: text } = canonicalConfig({ model_type: 'gemma3n', text_config: {} }, []) as {
      text_config: { layer_types: string[]; activation_sparsity_pattern: number[] }
    }
    expect(text).toMatchObject({ hidden_size: 2048, num_hidden_layers: 35, num_kv_shared_layers: 15, laurel_rank: 64 })
    const full = text.layer_types.flatMap((type, layer) => (type === 'full_attention' ? [layer] : []))
    expect(full).toEqual([4, 9, 14, 19, 24, 29, 34])
    expect(text.activation_sparsity_pattern).toEqual([...Array(10).fill(0.95), ...Array(25).fill(0)])
  })
})

test('all layers of a ministral slide unless it names their types', async () => {
  const { prompt } = golden('mistral-a')
  const sliding = (config: Fields) => Array(config.num_hidden_layers).fill('sliding_attention')
  const ministral = await respelled('mistral-a', (c) => Object.assign(c, { model_type: 'ministral' }))
  const named = await respelled('mistral-a', (c) => Object.assign(c, { layer_types: sliding(c) }))
  expect(await logitsOf(ministral, prompt)).toEqual(await logitsOf(named, prompt))
})

test('Gemma 2 scales its rotations where config.json says so, as in transformers', async () => {
  const { prompt } = golden('gemma2-a')
  const scaled = (factor: number) =>
    respelled('gemma2-a', (c) => Object.assign(c, { rope_scaling: { rope_type: 'linear', factor } }))
  const plain = await logitsOf(await copyOf('gemma2-a'), prompt)
  expect(await logitsOf(await scaled(1), prompt)).toEqual(plain)
  expect(distance(await logitsOf(await scaled(2), prompt), plain)).toBeGreaterThan(1e-3)
})

describe('a difference between layers that the engine does not have', () => {
  test.each<[CheckpointName, Fields]>([
    ['gemma4-b', { '0': { intermediate_size: 32 } }],
    ['gemma4-b', { '0': { head_dim: 8 } }],
    ['llama-a', { '1': { num_key_value_heads: 1 } }],
    ['llama-a', { '1': { skip: ['self_attn'] } }],
  ])('is named for %s with per_layer_config %j', async (name, overrides) => {
    const folder = await respelled(name, (_, text) => Object.assign(text, { per_layer_config: overrides }))
    const error = await rejection(logitsOf(folder, golden(name).prompt))
    expect(error.code).toBe('unsupported_model')
    expect(error.message).toContain(Object.keys(Object.values(overrides)[0])[0])
  })
})

describe('a quantization in config.json', () => {
  const layer = 'model.layers.1.mlp.up_proj'
  test.each<[CheckpointName, string, Respell]>([
    ['llama-a-4bit', 'is missing', dropQuantization],
    ['llama-a-4bit', 'has quantization_config only', (c) => delete c.quantization],
    ['llama-a-4bit', 'has quantization only', (c) => delete c.quantization_config],
    ['llama-a-4bit', 'has other bits', (c) => Object.assign(c, { quantization: { group_size: 32, bits: 8 } })],
    ['llama-a-4bit', 'has no group_size', (c) => Object.assign(c, { quantization: { bits: 4 } })],
    ['llama-a-4bit', 'has another mode', (c) => Object.assign(c, { quantization: { bits: 4, mode: 'nf4' } })],
    ['llama-b-8bit', 'has a layer that is not so', (c) => Object.assign(c.quantization, { [layer]: false })],
    ['llama-b-8bit', 'has another group_size', (c) => Object.assign(c.quantization, { group_size: 64 })],
    ['llama-d-mxfp4', 'has no mode', (c) => delete c.quantization.mode],
    ['llama-d-nvfp4', 'is an affine one', (c) => Object.assign(c, { quantization: { group_size: 64, bits: 4 } })],
    ['gemma4-b-mixed', 'names layers under another prefix', (c) => renameLayers(c, 'language_model.', '')],
    ['gemma4-b-mixed', 'names only some layers', (c) => dropLayers(c)],
    ['gemma4-d-4bit', 'names layers under another prefix', (c) => renameLayers(c, 'language_model.model', 'model')],
    [
      'gemma3-b-6bit',
      'stands in text_config',
      (c) => {
        c.text_config.quantization = c.quantization
        dropQuantization(c)
      },
    ],
  ])('of %s that %s changes nothing: the shapes tell', async (name, _, respell) => {
    const { prompt } = golden(name)
    const plain = await logitsOf(await copyOf(name), prompt)
    expect(await logitsOf(await respelled(name, respell), prompt)).toEqual(plain)
  })

  test('of bf16 weights changes nothing, as after a conversion from fp8', async () => {
    const { prompt } = golden('mistral-b')
    const settings = { quant_method: 'fp8', activation_scheme: 'static' }
    const folder = await respelled('mistral-b', (c) => Object.assign(c, { quantization_config: settings }))
    expect(await logitsOf(folder, prompt)).toEqual(await logitsOf(await copyOf('mistral-b'), prompt))
  })
})

function dropQuantization(config: Fields): void {
  delete config.quantization
  delete config.quantization_config
}

function renameLayers(config: Fields, from: string, to: string): void {
  const rename = ([key, value]: [string, unknown]) => [key.startsWith(from) ? key.replace(from, to) : key, value]
  const renamed = Object.fromEntries(Object.entries(config.quantization).map((entry) => rename(entry)))
  if (JSON.stringify(renamed) === JSON.stringify(config.quantization)) throw new Error('no layer has that prefix')
  Object.assign(config, { quantization: renamed, quantization_config: renamed })
}

function dropLayers(config: Fields): void {
  const layers = Object.keys(config.quantization).filter((key) => key.includes('.'))
  if (layers.length < 2) throw new Error('too few layers')
  for (const name of layers.slice(1)) delete config.quantization[name]
  config.quantization_config = config.quantization
}

describe('the names of tensors', () => {
  test('may lack the prefix of a whole model, as in a base model that was saved alone', async () => {
    const folder = await copyOf('llama-b-8bit')
    await editTensors(join(folder, 'model.safetensors'), (tensors) => {
      for (const [name, tensor] of [...tensors]) {
        tensors.delete(name)
        tensors.set(name.replace(/^model\./, ''), tensor)
      }
    })
    const { prompt } = golden('llama-b-8bit')
    expect(await logitsOf(folder, prompt)).toEqual(await logitsOf(await copyOf('llama-b-8bit'), prompt))
  })

  test.each<CheckpointName>(['gemma2-a', 'gemma3-a', 'gemma3n-a', 'gemma4-a'])(
    'of %s may have a head that repeats a tied embedding',
    async (name) => {
      const folder = await respelled(name, (_, text) => Object.assign(text, { tie_word_embeddings: true }))
      await editTensors(join(folder, 'model.safetensors'), (tensors) => {
        const [, embedding] = [...tensors].find(([tensor]) => tensor.endsWith('embed_tokens.weight')) ?? []
        if (embedding) tensors.set('lm_head.weight', embedding)
      })
      const { prompt } = golden(name)
      expect(await logitsOf(folder, prompt)).toEqual(await logitsOf(await copyOf(name), prompt))
    },
  )
})
