/** The sampling of one request: its own, else what the model was loaded with. */
import { namesOf, type RequestSampling, type Sampling, samplingOptions } from '../options.js'

/** A request's own values over the defaults, as the engine takes them. */
export function engineSampling(asked: RequestSampling, defaults: Sampling): Sampling & { seed?: number } {
  const sampling: Sampling & { seed?: number } = { ...defaults, seed: asked.seed }
  for (const name of namesOf(samplingOptions)) sampling[name] = asked[name] ?? defaults[name]
  return { ...sampling, topP: engineTopP(sampling.topP) }
}

/** The engine's range is (0, 1]. A top_p of 0 asks for the likeliest token alone; so does the least that the engine takes. */
export function engineTopP(topP: number): number {
  return Math.max(topP, 1e-6)
}
