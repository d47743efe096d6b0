/** Which files of a repository a model needs: config, tokenizer, templates and the weights in safetensors. */
import { TetherError } from '../../errors.js'
import { object } from '../config-fields.js'
import type { HubFile, HubModel } from './hub-model.js'

export const indexFile = 'model.safetensors.index.json'
const small =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|chat_template|processor_config|preprocessor_config)\.json$|\.jinja$|^(tokenizer\.model|merges\.txt|vocab\.txt)$|\.tiktoken$/

/** Fetched before the weights, to know whether those are worth it. */
export function smallFiles({ files }: HubModel): HubFile[] {
  return files.filter(({ path }) => small.test(path) || path === indexFile)
}

/** The weights as far as the names of files tell, before the index is there. */
export function likelyWeightFiles({ files }: HubModel): HubFile[] {
  const isSharded = files.some(({ path }) => path === indexFile)
  return files.filter(({ path }) => (isSharded ? /-of-\d+\.safetensors$/.test(path) : path === 'model.safetensors'))
}

/** `index` is the content of model.safetensors.index.json, if there is one. Throws `download_failed`. */
export function weightFiles({ name, files }: HubModel, index?: string): HubFile[] {
  const wanted = index === undefined ? ['model.safetensors'] : shardsOf(index, name)
  return wanted.map((path) => {
    const file = files.find((one) => one.path === path)
    if (file) return file
    throw new TetherError('download_failed', `${name} has no ${path}: its upload is not complete. Use another model.`)
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
    `${name} has a broken ${indexFile}. Report it to its authors, or use another model.`,
  )
}
