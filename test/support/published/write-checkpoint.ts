/** Writes the tiny double of a public checkpoint: the files and their structure are its own, weights and words are not. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { JsonObject } from '../../../src/chat/types.js'
import { type StoredTensor, writeTensors } from '../checkpoints.js'
import { shapeOf, USUAL_SIZES } from './configs.js'
import type { Row } from './rows.js'
import { type StorageName, storageOf } from './storage.js'
import { sourceOf, templateOf, tokensOf } from './templates.js'
import { inLayout, randomTensors, type Sizes, type Storage, shapesOf } from './tensors.js'
import { decoderOf, type WrittenTokenizer, writeTokenizer } from './tokenizers.js'

/** -> the folder, `place`/name. */
export async function writeCheckpoint(place: string, row: Row): Promise<string> {
  const folder = join(place, row.name)
  mkdirSync(folder, { recursive: true })
  const template = templateOf(row.template)
  const tokens = tokensOf(row.tokenizer, template)
  const written = writeTokenizer(folder, row.tokenizer, tokens)
  writeTemplate(folder, row, written)
  const { architecture = 'llama', config, sizes, layout = 'bare', extra } = shapeOf(row.config)
  // Models have a few rows that no token uses.
  const all: Sizes = { ...USUAL_SIZES, ...sizes, vocab: written.size + 3 }
  const eos = written.ids[tokens.eos] as number
  const storage = storageOf(row.stored)
  const json = { ...config(all), bos_token_id: written.ids[tokens.bos ?? ''] ?? null, eos_token_id: eos }
  const quantization = quantizationOf(row.stored, storage)
  const name = row.stored === "Mistral's own" ? 'params.json' : 'config.json'
  writeFileSync(join(folder, name), JSON.stringify({ ...json, ...quantization }, null, 2))
  if (row.stored === 'bf16') {
    const ends = [eos, ...template.ends.map((token) => written.ids[token] as number)]
    const generation = { do_sample: true, temperature: 0.6, top_p: 0.9, eos_token_id: [...new Set(ends)] }
    writeFileSync(join(folder, 'generation_config.json'), JSON.stringify(generation))
  }
  const shapes = { ...inLayout(shapesOf(architecture, all), layout), ...extra }
  await writeWeights(folder, row.stored, randomTensors(shapes, storage ?? { dtype: 'BF16' }))
  return folder
}

/** tokenizer_config.json and the template, where the checkpoint keeps it. */
function writeTemplate(folder: string, { tokenizer, template: name, in: place }: Row, written: WrittenTokenizer): void {
  const template = templateOf(name)
  const { bos, eos } = tokensOf(tokenizer, template)
  const config: JsonObject = { bos_token: bos ?? null, eos_token: eos, clean_up_tokenization_spaces: false }
  if (tokenizer === 'tokenizer.model') config.added_tokens_decoder = decoderOf(written)
  const source = template.file === undefined ? undefined : sourceOf(template.file)
  const write = (file: string, text: string) => writeFileSync(join(folder, file), text)
  if (source !== undefined && place === 'tokenizer_config.json') config.chat_template = source
  if (source !== undefined && place === 'named') {
    config.chat_template = [{ name: 'default', template: source }]
    if (template.toolFile) config.chat_template.push({ name: 'tool_use', template: sourceOf(template.toolFile) })
  }
  write('tokenizer_config.json', JSON.stringify(config))
  if (source !== undefined && place === 'chat_template.jinja') write(place, source)
  if (source !== undefined && place === 'chat_template.json') write(place, JSON.stringify({ chat_template: source }))
}

/** What config.json says of it. MLX's settings stand there twice, as mlx-lm writes them. */
function quantizationOf(name: StorageName, storage: Storage | undefined): JsonObject {
  if (storage?.mode !== undefined) {
    const { group = 64, bits = 4, mode } = storage
    const settings = { group_size: group, bits, ...(mode === 'affine' ? {} : { mode }) }
    return { quantization: settings, quantization_config: settings }
  }
  const method = METHODS[name]
  return method === undefined ? {} : { quantization_config: { quant_method: method, bits: 4 } }
}

const METHODS: Partial<Record<StorageName, string>> = {
  GPTQ: 'gptq',
  AWQ: 'awq',
  bitsandbytes: 'bitsandbytes',
  fp8: 'fp8',
  'compressed-tensors': 'compressed-tensors',
}

/** The tensor that is added to one of another program's quantizations. */
const SIGNS: Partial<Record<StorageName, string>> = {
  GPTQ: 'qweight',
  AWQ: 'qweight',
  bitsandbytes: 'weight.absmax',
  fp8: 'weight_scale_inv',
  'compressed-tensors': 'weight_packed',
}

/** Files of weights that have another name or kind. */
const FILES: Partial<Record<StorageName, string>> = {
  GGUF: 'model-Q4_K_M.gguf',
  PyTorch: 'pytorch_model-00001-of-00002.bin',
  npz: 'weights.npz',
  'LoRA adapter': 'adapter_model.safetensors',
  "Mistral's own": 'consolidated.safetensors',
}

async function writeWeights(folder: string, stored: StorageName, tensors: Map<string, StoredTensor>): Promise<void> {
  const sign = SIGNS[stored]
  if (sign !== undefined) {
    const data = Buffer.alloc(64)
    tensors.set(`model.layers.0.self_attn.q_proj.${sign}`, { dtype: 'I32', shape: [4, 4], data })
  }
  const file = FILES[stored] ?? 'model.safetensors'
  if (stored === "Mistral's own") {
    const own = tensors.get('model.embed_tokens.weight') as StoredTensor
    return writeTensors(join(folder, file), new Map([['tok_embeddings.weight', own]]))
  }
  return writeTensors(join(folder, file), tensors)
}
