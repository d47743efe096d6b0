/** Model folders for tests: complete in files and headers, with weights of zeros. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

export interface ModelFolder {
  /** Fields that override the config of a small llama. */
  config?: Record<string, unknown>
  /** The tensors of a weights file; default: one of bf16. */
  tensors?: Record<string, { dtype: string; shape: number[] }>
  /** The number of weights files; from two up there is an index. */
  shards?: number
}

export const llamaConfig = {
  model_type: 'llama',
  hidden_size: 64,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 8192,
}

const bytesOf: Record<string, number> = { BF16: 2, F16: 2, F32: 4, U32: 4 }

export function writeModel(folder: string, model: ModelFolder = {}): string {
  mkdirSync(folder, { recursive: true })
  for (const [name, content] of Object.entries(modelFiles(model))) writeFileSync(join(folder, name), content)
  return folder
}

/** The files of such a folder, by name. */
export function modelFiles({ config, tensors, shards = 1 }: ModelFolder = {}): Record<string, Buffer> {
  const files: Record<string, Buffer> = {
    'config.json': Buffer.from(JSON.stringify({ ...llamaConfig, ...config })),
    'tokenizer.json': Buffer.from('{}'),
  }
  const weights = safetensors(tensors ?? { 'model.embed_tokens.weight': { dtype: 'BF16', shape: [8, 64] } })
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
  for (const [file, content] of Object.entries(modelFiles(model))) {
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
