/** The sampling of one request: its own, else what the model was loaded with. */
import { namesOf, type RequestSampling, type Sampling, samplingOptions } from '../options.js'

/** A request's own values over the defaults. */
export function engineSampling(asked: RequestSampling, defaults: Sampling): Sampling & { seed?: number } {
  const sampling: Sampling & { seed?: number } = { ...defaults, seed: asked.seed }
  for (const name of namesOf(samplingOptions)) sampling[name] = asked[name] ?? defaults[name]
  return sampling
}
