// What the start-up bench runs in: a home with many models, and a project that Claude Code trusts.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export function makePlaces({ models }) {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'tether-bench-')))
  const places = {
    home: join(base, 'home'),
    project: join(base, 'project'),
    models: join(base, 'home', '.tether', 'models'),
    remove: () => rmSync(base, { recursive: true, force: true, maxRetries: 5 }),
  }
  for (const folder of [places.models, places.project]) mkdirSync(folder, { recursive: true })
  for (let i = 0; i < models; i += 1) writeModel(join(places.models, 'org', `model-${i}`))
  execFileSync('git', ['init', '-q'], { cwd: places.project })
  const projects = { [places.project]: { hasTrustDialogAccepted: true } }
  const seen = { hasCompletedOnboarding: true, theme: 'dark', numStartups: 5, projects }
  writeFileSync(join(places.home, '.claude.json'), JSON.stringify(seen))
  return places
}

const config = {
  model_type: 'llama',
  hidden_size: 2048,
  num_hidden_layers: 28,
  num_attention_heads: 16,
  num_key_value_heads: 8,
  max_position_embeddings: 131072,
  quantization: { group_size: 64, bits: 4 },
}

/** With headers as long as those of a real 4-bit checkpoint of 28 layers, and hardly any weights. */
function writeModel(folder) {
  mkdirSync(folder, { recursive: true })
  const tensors = {}
  let end = 0
  const add = (name, dtype, bytes, shape) => {
    tensors[name] = { dtype, shape, data_offsets: [end, end + bytes] }
    end += bytes
  }
  const parts = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'self_attn.o_proj']
  parts.push('mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj')
  const matrix = (name) => {
    add(`${name}.weight`, 'U32', 4, [1, 1])
    add(`${name}.scales`, 'BF16', 2, [1, 1])
    add(`${name}.biases`, 'BF16', 2, [1, 1])
  }
  matrix('model.embed_tokens')
  for (let layer = 0; layer < config.num_hidden_layers; layer += 1) {
    for (const part of parts) matrix(`model.layers.${layer}.${part}`)
    for (const norm of ['input_layernorm', 'post_attention_layernorm'])
      add(`model.layers.${layer}.${norm}.weight`, 'BF16', 2, [1])
  }
  add('model.norm.weight', 'BF16', 2, [1])
  const header = Buffer.from(JSON.stringify(tensors))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  writeFileSync(join(folder, 'model.safetensors'), Buffer.concat([length, header, Buffer.alloc(end)]))
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  writeFileSync(join(folder, 'tokenizer.json'), '{}')
}
