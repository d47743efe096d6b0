/** Which files of a repository a model needs: config, tokenizer, templates and the weights in safetensors. */
import { TetherError } from '../../errors.js'
import { object } from '../config-fields.js'
import type { HubFile, HubModel } from './hub-model.js'

export const indexFile = 'model.safetensors.index.json'
const small =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|chat_template|processor_config|preprocessor_config)\.json$|\.jinja$|^(tokenizer\.model|merges\.txt|vocab\.txt)$|\.tiktoken$/

/** Fetched before the weights, to know whether those are worth it. Throws `download_failed`. */
export function smallFiles({ name, files }: HubModel): HubFile[] {
  const found = files.filter(({ path }) => small.test(path) || path === indexFile)
  if (!found.some(({ path }) => path === 'config.json')) {
    throw new TetherError('download_failed', `${name} has no config.json, so it is not a model; ${remedy(files)}`)
  }
  return found
}

/** `index` is the content of model.safetensors.index.json, if there is one. Throws `download_failed`. */
export function weightFiles({ name, files }: HubModel, index?: string): HubFile[] {
  const wanted = index === undefined ? ['model.safetensors'] : shardsOf(index, name)
  return wanted.map((path) => {
    const file = files.find((one) => one.path === path)
    if (file) return file
    throw new TetherError('download_failed', `${name} has no ${path}; ${remedy(files)}`)
  })
}

function shardsOf(index: string, name: string): string[] {
  let map: unknown
  try {
    map = object(JSON.parse(index))?.weight_map
  } catch {
    // Reported below.
  }
  const shards = [...new Set(Object.values(object(map) ?? {}))]
  if (shards.length > 0 && shards.every((shard) => typeof shard === 'string')) return shards.sort()
  throw new TetherError(
    'download_failed',
    `${name} has a broken ${indexFile}; report it to its authors, or use another model`,
  )
}

function remedy(files: HubFile[]): string {
  const kinds = ['gguf', 'bin', 'pt', 'pth', 'onnx', 'npz'].filter((kind) =>
    files.some(({ path }) => path.endsWith(`.${kind}`)),
  )
  const others = kinds.length > 0 ? `its weights are ${kinds.map((kind) => `.${kind}`).join(', ')}, ` : ''
  return `${others}tether reads MLX's safetensors: use the model's version from mlx-community`
}
