/** Which published models fit a memory, and how fast they write where memory is read at a known speed. Estimates. */
import {
  type PublishedConfig,
  type PublishedModel,
  parameters,
  parametersRead,
  publishedModels,
  publishedWindow,
} from './published.js'

/** Sizes in bytes, windows in tokens. */
export interface Recommendation {
  model: string
  /** What `tether pull` takes. */
  repository: string
  parameters: number
  /** Of a mixture of experts: those that are read for a token. */
  active?: number
  weights: number
  /** The longest that fits; 0: not even the weights. */
  window: number
  tokensPerSecond: number
}

export interface RecommendOptions {
  /** Bytes that tether may take. */
  memory: number
  /** Bytes of a key's number. */
  element: number
  bytesPerSecond: number
  device: 'gpu' | 'cpu'
  models?: PublishedModel[]
}

/**
 * The share of the bandwidth that decoding reaches: what published measurements on Macs have, in the middle (44 to 86% of dense
 * models, 21 to 58% of mixtures of experts), and about what tether's own kernels reach on a CPU.
 */
const efficiency = { gpu: { dense: 0.7, mixture: 0.5 }, cpu: { dense: 0.5, mixture: 0.5 } }

/** The largest first. */
export function recommend({ models = publishedModels, ...machine }: RecommendOptions): Recommendation[] {
  const all = models.flatMap(({ name, config, checkpoints }) =>
    checkpoints.map((one) => ({ model: name, repository: one.repository, ...estimate(config, one, machine) })),
  )
  return all.sort((one, other) => other.parameters - one.parameters || other.weights - one.weights)
}

function estimate(
  config: PublishedConfig,
  { bitsPerWeight }: { bitsPerWeight: number },
  { memory, element, bytesPerSecond, device }: Omit<RecommendOptions, 'models'>,
) {
  const all = parameters(config)
  const read = parametersRead(config)
  const isMixture = config.num_experts !== undefined
  const weights = Math.round((all * bitsPerWeight) / 8)
  const share = efficiency[device][isMixture ? 'mixture' : 'dense']
  return {
    ...{ parameters: all, active: isMixture ? read : undefined, weights },
    window: publishedWindow(config, { weights, memory, element }),
    tokensPerSecond: (bytesPerSecond * share) / ((read * bitsPerWeight) / 8),
  }
}
