// Makes a random checkpoint from a config and a seed, with the shapes and sizes of a real one.
import { createWriteStream, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { cacheDir } from '../third_party/fetch.mjs'

/** About 222 million parameters, 443 MB in bf16. */
export const MID = {
  model_type: 'llama',
  hidden_size: 1024,
  num_hidden_layers: 16,
  intermediate_size: 2816,
  num_attention_heads: 16,
  num_key_value_heads: 8,
  head_dim: 64,
  vocab_size: 32_000,
  max_position_embeddings: 65_536,
  rms_norm_eps: 1e-5,
  rope_theta: 500_000,
  tie_word_embeddings: true,
}

/** About 13 million parameters. */
export const SMALL = {
  ...MID,
  hidden_size: 384,
  num_hidden_layers: 6,
  intermediate_size: 1024,
  num_attention_heads: 6,
  num_key_value_heads: 3,
  vocab_size: 8192,
  max_position_embeddings: 32_768,
}

/** The mid checkpoint in tether's cache folder, made on first use. -> its folder */
export async function midCheckpoint() {
  const folder = join(cacheDir(), 'bench', 'mid-1')
  if (!existsSync(join(folder, 'config.json'))) await makeCheckpoint(folder, MID, 1)
  return folder
}

/** Writes config.json and model.safetensors (bf16) of a Llama with tied embeddings. */
export async function makeCheckpoint(folder, config, seed) {
  mkdirSync(folder, { recursive: true })
  const tensors = shapes(config)
  const header = {}
  let offset = 0
  for (const [name, shape] of tensors) {
    const bytes = 2 * shape.reduce((a, b) => a * b, 1)
    header[name] = { dtype: 'BF16', shape, data_offsets: [offset, offset + bytes] }
    offset += bytes
  }
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  const partial = join(folder, `model.safetensors.${process.pid}`)
  const file = createWriteStream(partial)
  try {
    file.write(length)
    file.write(text)
    const random = generator(seed)
    for (const [, shape] of tensors) {
      if (!file.write(values(shape, random))) await new Promise((resolve) => file.once('drain', resolve))
    }
    file.end()
    await finished(file)
    renameSync(partial, join(folder, 'model.safetensors'))
  } finally {
    rmSync(partial, { force: true })
  }
  // Written last, so that a folder with a config.json is complete.
  writeFileSync(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
}

function shapes(config) {
  const { hidden_size: hidden, intermediate_size: wide, head_dim, vocab_size: vocab } = config
  const q = config.num_attention_heads * head_dim
  const kv = config.num_key_value_heads * head_dim
  const list = [
    ['model.embed_tokens.weight', [vocab, hidden]],
    ['model.norm.weight', [hidden]],
  ]
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const layer = `model.layers.${i}`
    list.push(
      [`${layer}.input_layernorm.weight`, [hidden]],
      [`${layer}.post_attention_layernorm.weight`, [hidden]],
      [`${layer}.self_attn.q_proj.weight`, [q, hidden]],
      [`${layer}.self_attn.k_proj.weight`, [kv, hidden]],
      [`${layer}.self_attn.v_proj.weight`, [kv, hidden]],
      [`${layer}.self_attn.o_proj.weight`, [hidden, q]],
      [`${layer}.mlp.gate_proj.weight`, [wide, hidden]],
      [`${layer}.mlp.up_proj.weight`, [wide, hidden]],
      [`${layer}.mlp.down_proj.weight`, [hidden, wide]],
    )
  }
  return list
}

/** Uniform values that keep the activations' size from layer to layer; norms are 1. bf16 is float32's upper half. */
function values(shape, random) {
  const count = shape.reduce((a, b) => a * b, 1)
  const floats = new Float32Array(1)
  const bits = new Uint32Array(floats.buffer)
  const out = new Uint16Array(count)
  const most = shape.length === 1 ? 0 : Math.sqrt(3 / shape[1])
  for (let i = 0; i < count; i++) {
    floats[0] = most === 0 ? 1 : most * random()
    out[i] = bits[0] >>> 16
  }
  return new Uint8Array(out.buffer)
}

/** Numbers in [-1, 1) by xorshift32, the same for the same seed. */
function generator(seed) {
  let state = (seed * 2654435761) >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state / 2147483648
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2]
  if (folder) await makeCheckpoint(folder, MID, 1)
  console.log(folder ?? (await midCheckpoint()))
}
