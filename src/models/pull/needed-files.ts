/** Which files of a repository a model needs: config, tokenizer, templates and the weights in safetensors. */

import { namesInIndex, weightFilesAmong } from '../../engine/weight-files.js'
import { TetherError } from '../../errors.js'
import { tokenizerFileAmong } from '../../model/tokenizer-file.js'
import { parsePythonJson } from '../../python-json.js'
import { object } from '../config-fields.js'
import type { HubFile, HubModel } from './hub-model.js'

export const indexFile = 'model.safetensors.index.json'
const small =
  /^(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|chat_template|processor_config|preprocessor_config)\.json$|\.jinja$|^(tokenizer\.model|merges\.txt|vocab\.txt)$|\.tiktoken$/

/** Fetched before the weights, to know whether those are worth it. */
export function smallFiles({ files }: HubModel): HubFile[] {
  const tokenizer = tokenizerFileAmong((name) => files.some(({ path }) => path === name))
  return files.filter(({ path }) => small.test(path) || path === indexFile || path === tokenizer)
}

/** The weights as far as the names of files tell, before the index is there. */
export function likelyWeightFiles({ files }: HubModel): HubFile[] {
  const { files: likely } = weightFilesAmong(safetensors(files), [])
  return files.filter(({ path }) => likely.includes(path))
}

/**
 * `index` is the content of model.safetensors.index.json, if there is one. It may be broken or of other files, as for the
 * loader, where the names of the files tell enough. Throws `download_failed`.
 */
export function weightFiles({ name, files }: HubModel, index?: string): HubFile[] {
  const named = index === undefined ? [] : namesIn(index)
  const { files: wanted } = weightFilesAmong(safetensors(files), named ?? [])
  if (wanted.length > 0) return files.filter(({ path }) => wanted.includes(path))
  const fix = 'Report it to its authors, or use another model.'
  if (named === undefined) throw new TetherError('download_failed', `${name} has a broken ${indexFile}. ${fix}`)
  const missing = named.find((path) => !files.some((file) => file.path === path)) ?? 'model.safetensors'
  throw new TetherError('download_failed', `${name} has no ${missing}: its upload is not complete. Use another model.`)
}

function safetensors(files: HubFile[]): string[] {
  return files.map(({ path }) => path).filter((path) => path.endsWith('.safetensors'))
}

/** undefined: the index is broken. */
function namesIn(index: string): string[] | undefined {
  try {
    const names = namesInIndex(object(parsePythonJson(index)) ?? {})
    return names?.length === 0 ? undefined : names
  } catch {
    return undefined
  }
}
