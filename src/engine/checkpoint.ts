/** A checkpoint's folder, read and checked before any weight is: config.json, its weight files, its stop tokens. */
import { basename, join, resolve } from 'node:path'
import { TetherError } from '../errors.js'
import type { Sampling } from '../options.js'
import { canonicalConfig } from './config/canonical.js'
import { foreignFiles } from './foreign.js'
import { readGenerationConfig } from './generation-config.js'
import { type JsonObject, readJson } from './json-file.js'
import { readSafetensors, type TensorHeader } from './safetensors.js'
import { weightFiles } from './weight-files.js'

export interface Checkpoint {
  /** Absolute path of the folder. */
  path: string
  name: string
  /** config.json in tether's own spelling. */
  config: JsonObject
  /** Absolute paths of the .safetensors files, as long as their headers say. */
  files: string[]
  /** What the header of each file says of its tensors, by name. */
  headers: Record<string, TensorHeader>[]
  /** Ids that end a turn, by generation_config.json, else by config.json. */
  stopTokens: number[]
  /** What the checkpoint's makers suggest, from generation_config.json. */
  sampling: Sampling
  /** What is wrong with files that it can be loaded without. */
  warnings: string[]
}

/**
 * Throws `model_not_found`, `unsupported_model`, `bad_config` or `bad_weights`. Reads synchronously: these are a few
 * small reads, each of which takes several times longer through libuv's threads, and a list of models makes thousands
 * of them.
 */
export async function readCheckpoint(folder: string): Promise<Checkpoint> {
  const path = resolve(folder)
  const foreign = foreignFiles(path)
  if (foreign !== undefined) throw new TetherError('unsupported_model', `${path} cannot be loaded: ${foreign}`)
  const read = readJson(join(path, 'config.json'))
  if (!read) {
    throw new TetherError(
      'model_not_found',
      `${path} is not a model: it has no config.json. Pass the folder of an MLX checkpoint.`,
    )
  }
  const { files, warning } = weightFiles(path)
  const headers = files.map(readSafetensors)
  const config = canonicalConfig(read, headers)
  const { stopTokens, sampling, warnings } = readGenerationConfig(path, config)
  if (warning !== undefined) warnings.push(warning)
  return { path, name: basename(path), config, files, headers, stopTokens, sampling, warnings }
}
