/** The list of models and the loader agree about what can be loaded, and say the same of what cannot. */
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadModel } from '../../src/load-model.js'
import { describeModel, type ModelSummary } from '../../src/models/describe-models.js'
import { type CheckpointName, copyOf, editTensors } from '../support/checkpoints.js'

type State = ModelSummary['state']
type Change = (folder: string) => unknown

const lfs = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 9\n`
const weights = (folder: string) => join(folder, 'model.safetensors')
const write = (file: string, text: string) => (folder: string) => writeFileSync(join(folder, file), text)

// biome-ignore lint/suspicious/noExplicitAny: the fields are those of the fixtures
function edit(file: string, change: (json: any) => void): Change {
  return (folder) => {
    const json = JSON.parse(readFileSync(join(folder, file), 'utf8'))
    change(json)
    writeFileSync(join(folder, file), JSON.stringify(json))
  }
}

const config = (fields: Record<string, unknown>) => edit('config.json', (json) => Object.assign(json, fields))
const quantizedBy = (quant_method: string) => config({ quantization_config: { quant_method, bits: 4 } })

/** Renames the tensor of a layer, or gives it another dtype of the same size. */
function tensor(from: string, to: string, dtype?: string): Change {
  return (folder) =>
    editTensors(weights(folder), (tensors) => {
      const found = tensors.get(from)
      if (!found) throw new Error(`there is no ${from}`)
      tensors.delete(from)
      tensors.set(to, { ...found, dtype: dtype ?? found.dtype })
    })
}

/** A folder without MLX weights, but with a file of this name. */
function instead(name: string): Change {
  return (folder) => {
    renameSync(weights(folder), join(folder, name))
  }
}

const q = 'model.layers.0.self_attn.q_proj'
const extra = {
  content: '<image_soft_token>',
  special: true,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
}
const addToken = (fields: Record<string, unknown>) =>
  edit('tokenizer.json', (json) => json.added_tokens.push({ ...extra, ...fields }))

const TABLE: [name: CheckpointName, what: string, change: Change, state: State, words: RegExp][] = [
  ['llama-a', 'nothing changed', () => {}, 'ok', /^$/],
  ['gemma4-a', 'nothing changed', () => {}, 'ok', /^$/],
  ['gemma4-b', 'two shards', () => {}, 'ok', /^$/],
  ['llama-a', 'an added token above the vocabulary', addToken({ id: 512 }), 'ok', /^$/],
  ['llama-a', 'one that is plain text', addToken({ id: 600, special: false, content: '[PAD]' }), 'ok', /^$/],
  ['llama-a', 'a broken generation_config.json', write('generation_config.json', '{'), 'ok', /^$/],
  ['llama-a', 'a broken special_tokens_map.json', write('special_tokens_map.json', '{'), 'ok', /^$/],
  ['llama-a', 'a broken preprocessor_config.json', write('preprocessor_config.json', '{'), 'ok', /^$/],
  [
    'llama-a',
    'a vocabulary larger than the model',
    edit('tokenizer.json', (json) => {
      json.model.vocab.zzzz = 900
    }),
    'damaged',
    /belong to different checkpoints/,
  ],
  ['llama-a', 'another type', config({ model_type: 'mamba' }), 'unsupported', /mamba models are not supported/],
  ['llama-a', 'no type', config({ model_type: undefined }), 'damaged', /no model_type/],
  ['llama-a', 'GPTQ by config.json', quantizedBy('gptq'), 'unsupported', /GPTQ.*mlx-community.*mlx_lm\.convert/],
  ['llama-a', 'AWQ by config.json', quantizedBy('awq'), 'unsupported', /AWQ.*mlx-community/],
  ['llama-a', 'compressed-tensors', quantizedBy('compressed-tensors'), 'unsupported', /compressed-tensors/],
  ['llama-a', 'GPTQ by its tensors', tensor(`${q}.weight`, `${q}.qweight`), 'unsupported', /GPTQ/],
  [
    'llama-a',
    'bitsandbytes by its tensors',
    tensor(`${q}.weight`, `${q}.weight.absmax`),
    'unsupported',
    /bitsandbytes/,
  ],
  ['llama-a', 'fp8 by its tensors', tensor(`${q}.bias`, `${q}.weight_scale_inv`), 'unsupported', /fp8/],
  [
    'llama-a',
    'packed compressed-tensors',
    tensor(`${q}.weight`, `${q}.weight_packed`),
    'unsupported',
    /compressed-tensors/,
  ],
  [
    'llama-a',
    "Mistral's own names",
    tensor('model.embed_tokens.weight', 'tok_embeddings.weight'),
    'unsupported',
    /Mistral's own format/,
  ],
  ['llama-a', 'GGUF', instead('llama.gguf'), 'unsupported', /GGUF/],
  ['llama-a', 'PyTorch', instead('pytorch_model.bin'), 'unsupported', /PyTorch.*mlx_lm\.convert/],
  ['llama-a', 'sharded PyTorch', instead('pytorch_model-00001-of-00002.bin'), 'unsupported', /PyTorch/],
  ['llama-a', 'npz', instead('weights.npz'), 'unsupported', /npz/],
  ['llama-a', 'an adapter of PEFT', instead('adapter_model.safetensors'), 'unsupported', /LoRA adapter.*--adapter/],
  ['llama-a', 'an adapter of mlx-lm', instead('adapters.safetensors'), 'unsupported', /LoRA adapter.*--adapter/],
  ['llama-a', 'no weights', (folder) => rmSync(weights(folder)), 'damaged', /no weights/],
  ['llama-a', 'an empty weight file', write('model.safetensors', ''), 'damaged', /model\.safetensors is empty/],
  ['llama-a', 'a pointer for weights', write('model.safetensors', lfs), 'damaged', /Git LFS/],
  ['llama-a', 'one for config.json', write('config.json', lfs), 'damaged', /config\.json is a Git LFS/],
  ['llama-a', 'an empty config.json', write('config.json', ''), 'damaged', /config\.json is empty/],
  ['llama-a', 'no tokenizer', (folder) => rmSync(join(folder, 'tokenizer.json')), 'damaged', /tokenizer\.json/],
  [
    'llama-a',
    'an unknown tokenizer',
    edit('tokenizer.json', (json) => {
      json.normalizer = { type: 'Sorcery' }
    }),
    'damaged',
    /tokenizer\.json/,
  ],
  ['llama-a', 'no number of layers', config({ num_hidden_layers: undefined }), 'damaged', /num_hidden_layers/],
  [
    'llama-a',
    'more layers than weights',
    config({ num_hidden_layers: 9 }),
    'damaged',
    /layers\.4\.self_attn\.q_proj.*missing/,
  ],
  ['llama-a', 'heads that do not divide', config({ num_key_value_heads: 3 }), 'damaged', /num_key_value_heads/],
  ['llama-a', 'another width', config({ hidden_size: 64 }), 'damaged', /embed_tokens.*hidden_size 64/],
  ['llama-a-4bit', 'another width', config({ hidden_size: 48 }), 'damaged', /embed_tokens.*hidden_size 48/],
  ['llama-a', 'another vocabulary', config({ vocab_size: 700 }), 'damaged', /embed_tokens.*vocab_size 700/],
  [
    'gemma4-a',
    'layers of their own',
    config({ per_layer_config: { 0: { intermediate_size: 8 } } }),
    'unsupported',
    /intermediate_size/,
  ],
]

/** Fields of config.json that the addon would reject. */
const WRONG: [CheckpointName, Record<string, unknown>][] = [
  ['llama-a', { num_key_value_heads: 'half' }],
  ['llama-a', { num_key_value_heads: 1 }],
  ['llama-a', { num_key_value_heads: undefined }],
  ['llama-a', { head_dim: 0 }],
  ['llama-a', { head_dim: 8 }],
  ['llama-a', { head_dim: 1e12 }],
  ['llama-a', { max_position_embeddings: 0 }],
  ['llama-a', { num_hidden_layers: 3 }],
  ['llama-a', { sliding_window: -1 }],
  ['llama-a', { intermediate_size: 1.5 }],
  ['llama-a', { layer_types: ['full_attention'] }],
  ['gemma4-a', { num_kv_shared_layers: 'some' }],
  ['gemma4-a', { global_head_dim: -1 }],
  ['gemma4-a', { hidden_size_per_layer_input: 1e308 }],
  ['gemma4-a', { vocab_size_per_layer_input: 0 }],
]

test.each(WRONG)('%s with %j is damaged in the list, and is not loaded', async (name, fields) => {
  const folder = await copyOf(name)
  config(fields)(folder)
  const { state, fault = '' } = await describeModel(folder, {})
  expect(state).toBe('damaged')
  await expect(loadModel(folder, { maxContext: 256 })).rejects.toThrow(fault)
})

test.each(TABLE)('%s with %s: list and loader agree', async (name, _, change, state, words) => {
  const folder = await copyOf(name)
  await change(folder)
  const listed = await describeModel(folder, {})
  expect(listed).toMatchObject({ state })
  const error = await loadModel(folder, { maxContext: 256 }).then(
    (model) => model.close(),
    (reason: Error & { code: string }) => reason,
  )
  expect(error === undefined).toBe(state === 'ok')
  expect(error?.code === 'unsupported_model').toBe(state === 'unsupported')
  expect(listed.fault ?? '').toMatch(words)
  // The name of a folder that is no model's is for findModel.
  if (error && error.code !== 'model_not_found') expect(error.message).toContain(listed.fault ?? '')
})

test('a token above the vocabulary is text, which no prompt can change', async () => {
  const folder = await copyOf('llama-a')
  await addToken({ id: 512, special: false, content: '[PAD]' })(folder)
  const model = await loadModel(folder, { maxContext: 256 })
  try {
    const ids = model.tokenizer.encode('a [PAD] b <image_soft_token>', { special: true })
    expect(Math.max(...ids)).toBeLessThan(512)
    expect(model.tokenizer.decode([...ids])).toBe('a [PAD] b <image_soft_token>')
  } finally {
    await model.close()
  }
})

test('a warning is in the list and in the loaded model', async () => {
  const folder = await copyOf('llama-a')
  cpSync(join(folder, 'config.json'), join(folder, 'copy.json'))
  writeFileSync(join(folder, 'generation_config.json'), '{"top_p": 7}')
  const warning = `${join(folder, 'generation_config.json')}: top_p is 7; it must be a number between 0 and 1. It is ignored.`
  expect((await describeModel(folder, {})).warnings).toEqual([warning])
  const model = await loadModel(folder, { maxContext: 256 })
  await model.close()
  expect(model.info.warnings).toEqual([warning])
})

test("the list knows the window of a Gemma 3 that leaves its family's usual sizes out", async () => {
  const folder = await copyOf('gemma3-b')
  edit('config.json', ({ text_config: text }) => {
    for (const field of ['max_position_embeddings', 'model_type']) delete text[field]
  })(folder)
  expect(await describeModel(folder, {})).toMatchObject({ window: 131_072, family: 'gemma3' })
})
