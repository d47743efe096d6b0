/** generation_config.json: stop tokens and sampling. The file is optional, so nothing in it keeps a model from loading. */
import { join } from 'node:path'
import { namesOf, optionFault, plainSampling, type Sampling, samplingOptions } from '../options.js'
import { isObject, type JsonObject, readJson } from './json-file.js'

export interface GenerationConfig {
  /** Ids that end a turn, by generation_config.json, else by config.json. */
  stopTokens: number[]
  /** What the checkpoint's makers suggest. */
  sampling: Sampling
  /** What is wrong with the file. */
  warnings: string[]
}

export function readGenerationConfig(folder: string, config: JsonObject): GenerationConfig {
  const path = join(folder, 'generation_config.json')
  const warnings: string[] = []
  let generation: JsonObject = {}
  try {
    generation = readJson(path) ?? {}
  } catch (error) {
    warnings.push(`${(error as Error).message}. The model runs without it.`)
  }
  const text = isObject(config.text_config) ? config.text_config : {}
  const stated = [generation, config, text].map(({ eos_token_id: ids }) => tokenIds(ids))
  const stopTokens = stated.find((ids) => ids.length > 0) ?? []
  return { stopTokens, sampling: samplingOf(generation, path, warnings), warnings }
}

function tokenIds(value: unknown): number[] {
  const list = Array.isArray(value) ? value : [value]
  return list.filter((id): id is number => Number.isInteger(id) && id >= 0 && id < 2 ** 31)
}

/** Without do_sample the checkpoint decodes greedily, as in transformers, whatever temperature it states. */
function samplingOf(generation: JsonObject, path: string, warnings: string[]): Sampling {
  const sampling = { ...plainSampling }
  for (const name of namesOf(samplingOptions)) {
    const { key } = samplingOptions[name]
    const value = generation[key]
    if (value === undefined || value === null) continue
    // Some checkpoints write top_k -1 for off.
    const number = name === 'topK' && typeof value === 'number' ? Math.max(0, value) : value
    const fault = typeof number === 'number' ? optionFault(samplingOptions[name], number) : 'a number'
    if (fault === undefined) sampling[name] = number as number
    else warnings.push(`${path}: ${key} is ${JSON.stringify(value)}; it must be ${fault}. It is ignored.`)
  }
  return generation.do_sample === true ? sampling : { ...sampling, temperature: 0 }
}
