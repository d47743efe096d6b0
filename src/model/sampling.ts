/** The sampling that a model is loaded with: the options over the checkpoint's own. */
import { TetherError } from '../errors.js'
import { namesOf, optionFault, type Sampling, samplingOptions } from '../options.js'

/** The checkpoint's own values are valid. Throws `bad_config`, naming the option and its range. */
export function defaultSampling(own: Sampling, options: Partial<Sampling> = {}): Sampling {
  const names = namesOf(samplingOptions)
  for (const key of Object.keys(options)) {
    if (names.some((name) => name === key)) continue
    throw new TetherError('bad_config', `unknown option sampling.${key}. Use one of: ${names.join(', ')}`)
  }
  const sampling = { ...own }
  for (const name of names) {
    const value = options[name]
    if (value === undefined) continue
    const fault = optionFault(samplingOptions[name], value)
    if (fault) throw new TetherError('bad_config', `sampling.${name} must be ${fault}, not ${value}`)
    sampling[name] = value
  }
  return sampling
}
