/** Which sampling holds: a request's own, else what the model was loaded with, else the checkpoint's. */
import { type SamplingKey, samplingFault } from '../anthropic/sampling.js'
import type { MessagesRequest } from '../anthropic/types.js'
import type { SamplingDefaults } from '../engine/checkpoint.js'
import type { GenerateRequest } from '../engine/types.js'
import { TetherError } from '../errors.js'

export type Sampling = Pick<GenerateRequest, 'temperature' | 'topP' | 'topK' | 'minP' | 'repetitionPenalty'>

const KEYS: (SamplingKey & keyof Sampling)[] = ['temperature', 'topP', 'topK', 'minP', 'repetitionPenalty']

/**
 * The checkpoint's defaults under the options. Throws `bad_config`, naming the field and its range. A negative top_k is
 * how some checkpoints say that it is off.
 */
export function defaultSampling(
  checkpoint: { path: string; sampling: SamplingDefaults },
  options: Partial<Sampling> = {},
): Sampling {
  const sampling: Sampling = { ...checkpoint.sampling, topK: Math.max(0, checkpoint.sampling.topK) }
  for (const key of Object.keys(options)) {
    if (KEYS.some((known) => known === key)) continue
    throw new TetherError('bad_config', `sampling.${key} is not known; there are ${KEYS.join(', ')}`)
  }
  for (const key of KEYS) {
    const own = options[key]
    const from = own === undefined ? `${checkpoint.path}/generation_config.json: ` : 'sampling.'
    const value = own ?? sampling[key]
    const wanted = samplingFault(key, value)
    if (wanted) throw new TetherError('bad_config', `${from}${key} is ${value}; it has to be ${wanted}`)
    sampling[key] = value
  }
  return { ...sampling, topP: withinEngine(sampling.topP) }
}

/** A request's own values over those; with the seed, which has no default. */
export function requestSampling(ask: MessagesRequest, defaults: Sampling): Sampling & { seed?: number } {
  return {
    temperature: ask.temperature ?? defaults.temperature,
    topP: withinEngine(ask.topP ?? defaults.topP),
    topK: ask.topK ?? defaults.topK,
    minP: ask.minP ?? defaults.minP,
    repetitionPenalty: ask.repetitionPenalty ?? defaults.repetitionPenalty,
    seed: ask.seed,
  }
}

/** The engine's range is (0, 1]: as little as that leaves the most likely token alone, which is what 0 asks for. */
function withinEngine(topP: number): number {
  return Math.max(topP, 1e-6)
}
