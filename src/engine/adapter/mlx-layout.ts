/** mlx-lm's layout: adapter_config.json as `mlx_lm.lora` writes it, tensors ….lora_a (in, rank) and ….lora_b (rank, out). */
import { isObject } from '../json-file.js'
import { type AdapterFacts, type AdapterLayout, isPositive, MERGE, pairsOf } from './pairs.js'

export function readMlx(facts: AdapterFacts): AdapterLayout {
  const { config, fault } = facts
  const type = config.fine_tune_type ?? 'lora'
  if (type !== 'lora') throw fault(`its fine_tune_type is ${JSON.stringify(type)}, and tether applies "lora". ${MERGE}`)
  const parameters = config.lora_parameters
  if (!isObject(parameters)) throw fault('its adapter_config.json has no lora_parameters, as mlx-lm writes it')
  const { scale, rank: wanted, keys } = parameters
  if (scale === undefined && parameters.alpha !== undefined)
    throw fault('its lora_parameters have alpha, and mlx-lm reads scale: write the scale that it was trained with')
  if (typeof scale !== 'number' || !Number.isFinite(scale)) throw fault('its lora_parameters.scale must be a number')
  if (wanted !== undefined && !isPositive(wanted)) throw fault('its lora_parameters.rank must be above 0')
  const parts = pairsOf(facts, ['.lora_a', '.lora_b'], (_layer, rank, tensor) => {
    if (wanted !== undefined && rank !== wanted)
      throw fault(`${tensor} has rank ${rank}, its adapter_config.json says ${wanted}`)
    return scale
  })
  const modules = Array.isArray(keys) ? keys.filter((key) => typeof key === 'string') : []
  return { parts, modules, lastLayers: isPositive(config.num_layers) ? Math.floor(config.num_layers) : 0 }
}
