/** PEFT's layout: adapter_config.json with peft_type, tensors ….lora_A.weight (rank, in) and ….lora_B.weight (out, rank). */
import { isObject, type JsonObject } from '../json-file.js'
import { type AdapterFacts, type AdapterLayout, isPositive, MERGE, pairsOf } from './pairs.js'

/** Starts that change the model's own weights, which PEFT does again when it loads such an adapter. */
const CHANGES_MODEL = /^(pissa|olora|corda|loftq)/i

export function readPeft(facts: AdapterFacts): AdapterLayout {
  const { config, fault } = facts
  refuseOthers(config, fault)
  const [r, alpha] = [config.r, config.lora_alpha]
  if (!isPositive(r) || !Number.isInteger(r)) throw fault('its r must be a whole number above 0')
  if (typeof alpha !== 'number' || !Number.isFinite(alpha)) throw fault('its lora_alpha must be a number')
  const ranks = patternsOf('rank_pattern', facts)
  const alphas = patternsOf('alpha_pattern', facts)
  const isNamed = Object.keys(facts.tensors).some((name) => name.endsWith('.lora_A.default.weight'))
  const end = isNamed ? '.default.weight' : '.weight'
  const parts = pairsOf(facts, [`.lora_A${end}`, `.lora_B${end}`], (layer, rank, tensor) => {
    const wanted = valueFor(layer, ranks) ?? r
    if (rank !== wanted) throw fault(`${tensor} has rank ${rank}, its adapter_config.json says ${wanted}`)
    const own = valueFor(layer, alphas) ?? alpha
    return own / (config.use_rslora === true ? Math.sqrt(rank) : rank)
  })
  return { parts, modules: modulesOf(config), lastLayers: 0 }
}

function refuseOthers(config: JsonObject, fault: AdapterFacts['fault']): void {
  const { peft_type: type, init_lora_weights: start } = config
  const given = (name: string) => {
    const value = config[name]
    return Array.isArray(value) ? value.length > 0 : isObject(value) ? Object.keys(value).length > 0 : Boolean(value)
  }
  if (type !== 'LORA') throw fault(`its peft_type is ${JSON.stringify(type)}, and tether applies "LORA". ${MERGE}`)
  if (config.use_dora === true) throw fault(`it is DoRA, and tether applies LoRA alone. ${MERGE}`)
  if (typeof config.bias === 'string' && config.bias !== 'none')
    throw fault(`it changes biases (bias: ${JSON.stringify(config.bias)}). ${MERGE}`)
  const other = [
    'lora_bias',
    'modules_to_save',
    'trainable_token_indices',
    'target_parameters',
    'layer_replication',
    'use_qalora',
    'alora_invocation_tokens',
  ].find(given)
  if (other !== undefined) throw fault(`its ${other} is set, which tether does not apply. ${MERGE}`)
  if (typeof start === 'string' && CHANGES_MODEL.test(start))
    throw fault(`its init_lora_weights ${JSON.stringify(start)} changes the model's weights too. ${MERGE}`)
}

/** A number for the modules whose names end with the expression of its key. */
type Patterns = { ends: RegExp; value: number }[]

function patternsOf(name: 'rank_pattern' | 'alpha_pattern', { config, fault }: AdapterFacts): Patterns {
  const patterns = config[name] ?? {}
  if (!isObject(patterns)) throw fault(`its ${name} must be an object`)
  return Object.entries(patterns).map(([key, value]) => {
    if (!isPositive(value)) throw fault(`its ${name} must hold numbers above 0`)
    return {
      ends: endsWith(key, () => fault(`its ${name} has a name that is no module: ${JSON.stringify(key)}`)),
      value,
    }
  })
}

/** PEFT's keys are regular expressions; those in use are names, whose only special letter is the point. */
function endsWith(key: string, fault: () => Error): RegExp {
  const plain = key.replace(/^\^/, '').replace(/\$$/, '').replaceAll('\\.', '.')
  if (!/^[\w.]+$/.test(plain)) throw fault()
  return new RegExp(`(^|\\.)${shortened(plain).replaceAll('.', '\\.')}$`)
}

/** A key may name a module from the top: what comes before the layers differs between checkpoints. */
function shortened(name: string): string {
  return /(?:^|\.)(layers\..*)$/.exec(name)?.[1] ?? name
}

function valueFor(layer: string, patterns: Patterns): number | undefined {
  return patterns.find(({ ends }) => ends.test(layer))?.value
}

/** Empty where other settings decide which of these modules it changes. */
function modulesOf(config: JsonObject): string[] {
  const { target_modules: targets, layers_to_transform: layers, exclude_modules: excluded } = config
  if (!Array.isArray(targets) || (layers ?? null) !== null || (excluded ?? null) !== null) return []
  return targets.filter((target) => typeof target === 'string' && /^[\w.]+$/.test(target))
}
