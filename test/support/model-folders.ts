/** Model folders for tests: a small llama that can be loaded, with weights of zeros. */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

type Tensors = Record<string, { dtype: string; shape: number[] }>

export interface ModelFolder {
  /** Fields that override the config of a small llama. */
  config?: Record<string, unknown>
  /** Tensors of a weights file besides those of the small llama. */
  tensors?: Tensors
  /** The number of weights files; from two up there is an index. */
  shards?: number
}

export const llamaConfig = {
  model_type: 'llama',
  hidden_size: 64,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 32,
  vocab_size: 512,
  max_position_embeddings: 8192,
}

const bf16 = (...shape: number[]) => ({ dtype: 'BF16', shape })
/** Those of one layer. */
export function llamaLayer(layer: number): Tensors {
  return Object.fromEntries(
    Object.entries({
      'self_attn.q_proj': bf16(64, 64),
      'self_attn.k_proj': bf16(32, 64),
      'self_attn.v_proj': bf16(32, 64),
      'self_attn.o_proj': bf16(64, 64),
      'mlp.gate_proj': bf16(32, 64),
      'mlp.up_proj': bf16(32, 64),
      'mlp.down_proj': bf16(64, 32),
      input_layernorm: bf16(64),
      post_attention_layernorm: bf16(64),
    }).map(([name, tensor]) => [`model.layers.${layer}.${name}.weight`, tensor]),
  )
}

const llamaTensors: Tensors = {
  'model.embed_tokens.weight': bf16(512, 64),
  'model.norm.weight': bf16(64),
  ...Object.assign({}, ...[0, 1, 2, 3].map(llamaLayer)),
}

const llamaTokenizer = readFileSync(join(import.meta.dirname, '../fixtures/tokenizers/llama3-tiny/tokenizer.json'))

const bytesOf: Record<string, number> = { BF16: 2, F16: 2, F32: 4, U32: 4 }

export function writeModel(folder: string, model: ModelFolder = {}): string {
  mkdirSync(folder, { recursive: true })
  for (const [name, content] of Object.entries(usable(model))) writeFileSync(join(folder, name), content)
  return folder
}

function usable(model: ModelFolder): Record<string, Buffer> {
  const files = modelFiles({ ...model, tensors: { ...llamaTensors, ...model.tensors } })
  return { ...files, 'tokenizer.json': llamaTokenizer }
}

/** Files as a repository has them, by name, which are small: of the llama's tensors only its embedding. */
export function modelFiles({ config, tensors, shards = 1 }: ModelFolder = {}): Record<string, Buffer> {
  const files: Record<string, Buffer> = {
    'config.json': Buffer.from(JSON.stringify({ ...llamaConfig, ...config })),
    'tokenizer.json': Buffer.from('{}'),
  }
  const weights = safetensors(tensors ?? { 'model.embed_tokens.weight': bf16(8, 64) })
  if (shards === 1) return { ...files, 'model.safetensors': weights }
  const weight_map: Record<string, string> = {}
  for (let i = 1; i <= shards; i++) {
    const name = `model-0000${i}-of-0000${shards}.safetensors`
    files[name] = weights
    weight_map[`layer.${i}`] = name
  }
  return { ...files, 'model.safetensors.index.json': Buffer.from(JSON.stringify({ weight_map })) }
}

/** Writes a model as the hub's own tools do: blobs, and a snapshot of links to them. -> the snapshot's folder */
export function writeCachedModel(cache: string, name: string, commit: string, model: ModelFolder = {}): string {
  const folder = join(cache, `models--${name.replace('/', '--')}`)
  const snapshot = join(folder, 'snapshots', commit)
  for (const path of [snapshot, join(folder, 'blobs'), join(folder, 'refs')]) mkdirSync(path, { recursive: true })
  for (const [file, content] of Object.entries(usable(model))) {
    const blob = join(folder, 'blobs', `${commit}-${file}`)
    writeFileSync(blob, content)
    symlinkSync(relative(dirname(join(snapshot, file)), blob), join(snapshot, file))
  }
  return snapshot
}

/** Fills the weights of these files with bytes other than zero, so that a hole in a download shows. */
export function withNonZeroWeights(files: Record<string, Buffer>): Record<string, Buffer> {
  for (const [path, content] of Object.entries(files)) {
    if (path.endsWith('.safetensors'))
      for (let i = 4096; i < content.length; i++) content[i] = (i * 31 + (i >> 8)) & 255
  }
  return files
}

function safetensors(tensors: Record<string, { dtype: string; shape: number[] }>): Buffer {
  let offset = 0
  const header: Record<string, unknown> = { __metadata__: { format: 'mlx' } }
  for (const [name, { dtype, shape }] of Object.entries(tensors)) {
    const end = offset + shape.reduce((product, size) => product * size, bytesOf[dtype] ?? 1)
    header[name] = { dtype, shape, data_offsets: [offset, end] }
    offset = end
  }
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  return Buffer.concat([length, text, Buffer.alloc(offset)])
}
