/** The sampling of one request: its own, else what the model was loaded with. */
import { namesOf, type RequestSampling, type Sampling, samplingOptions } from '../options.js'

/** A request's own values over the defaults, as the engine takes them. */
export function engineSampling(asked: RequestSampling, defaults: Sampling): Sampling & { seed?: number } {
  const sampling: Sampling & { seed?: number } = { ...defaults, seed: asked.seed }
  for (const name of namesOf(samplingOptions)) sampling[name] = asked[name] ?? defaults[name]
  return { ...sampling, topP: engineTopP(sampling.topP) }
}

/** A top_p of 0 asks for the likeliest token alone, but the engine takes no 0. So little leaves that token alone too. */
export function engineTopP(topP: number): number {
  return Number.isFinite(topP) && topP >= 0 ? Math.max(topP, 1e-6) : topP
}
