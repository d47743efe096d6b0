/** The sampling that a model is loaded with: the options over the checkpoint's own. */
import { TetherError } from '../errors.js'
import { namesOf, optionFault, type Sampling, samplingOptions } from '../options.js'

/** Throws `bad_config`, naming the field and its range. */
export function defaultSampling(
  checkpoint: { path: string; sampling: Sampling },
  options: Partial<Sampling> = {},
): Sampling {
  const names = namesOf(samplingOptions)
  for (const key of Object.keys(options)) {
    if (names.some((name) => name === key)) continue
    throw new TetherError('bad_config', `unknown option sampling.${key}. Use one of: ${names.join(', ')}`)
  }
  // Some checkpoints write top_k -1 for off.
  const sampling: Sampling = { ...checkpoint.sampling, topK: Math.max(0, checkpoint.sampling.topK) }
  for (const name of names) {
    const own = options[name]
    const from = own === undefined ? `${checkpoint.path}/generation_config.json: ` : 'sampling.'
    const value = own ?? sampling[name]
    const fault = optionFault(samplingOptions[name], value)
    if (fault) throw new TetherError('bad_config', `${from}${name} must be ${fault}, not ${value}`)
    sampling[name] = value
  }
  return sampling
}
