/** What of a checkpoint tether has no code for: the loader and the list of models ask here. */
import { TetherError, unsupportedType } from '../errors.js'
import type { Checkpoint } from './checkpoint.js'
import { canonicalType } from './config/canonical.js'
import { foreignNames, foreignQuantization, unsupportedQuantization } from './foreign.js'
import type { JsonObject } from './json-file.js'
import { ASSISTANT_TYPES, MODEL_TYPES } from './model-types.js'

type Facts = Pick<Checkpoint, 'path' | 'config' | 'headers'>

/** Throws `unsupported_model`, or `bad_config` if config.json does not say what the model is. */
export function checkSupported(checkpoint: Facts): void {
  const fault = typeFault(checkpoint.config)
  if (fault !== undefined) throw new TetherError('unsupported_model', fault)
  if (typeof checkpoint.config.model_type !== 'string') {
    throw new TetherError('bad_config', `${checkpoint.path}/config.json has no model_type. Download the file again.`)
  }
  checkReadable(checkpoint)
}

/** Whether the addon can read the tensors as they are stored. Throws `unsupported_model`. */
export function checkReadable({ path, config, headers }: Facts): void {
  const method = foreignQuantization(config, headers)
  if (method !== undefined) throw new TetherError('unsupported_model', `${path}: ${unsupportedQuantization(method)}`)
  const names = foreignNames(headers)
  if (names !== undefined) throw new TetherError('unsupported_model', `${path} cannot be loaded: ${names}`)
}

/** undefined for a type that is supported, and where config.json has none. */
export function typeFault(config: JsonObject): string | undefined {
  const type = canonicalType(config)
  if (typeof type !== 'string' || MODEL_TYPES.includes(type)) return undefined
  if (!ASSISTANT_TYPES.includes(type)) return unsupportedType(type)
  return `${type} models only draft for another one. Load that, with --draft and the folder of this one.`
}
