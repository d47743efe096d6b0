/** What a server asks of its models. */
import type { LoadedModel } from '../model/types.js'
import type { LoadState } from './loading.js'
import type { ModelCounts } from './model-counts.js'
import type { Preparing } from './preparing.js'
import type { ServedModel } from './resident.js'

export interface HouseOptions {
  /** The model that answers whatever is not named otherwise. The caller closes it, unless one of `models` has its name. */
  first: LoadedModel | Promise<LoadedModel>
  /** How much of it is loaded, 0…1. */
  progress?: () => number
  models?: readonly ServedModel[]
  /** The name of one of `models`. */
  smallModel?: string
}

/** A model that stays loaded until it is given back. */
export interface Lease {
  model: LoadedModel
  preparing: Preparing | undefined
  /** Safe to call twice. */
  giveBack(): void
}

export interface HouseModel {
  name: string
  /** With those of its adapters, as far as they are known. */
  names: readonly string[]
  state: LoadState
  counts: ModelCounts
}

export interface ModelHouse {
  /** Whether there is one model only, which answers everything. */
  readonly isOne: boolean
  /** Once it was loaded it is `ready` or `unloaded`. */
  first(): LoadState
  /** Throws the error for requests that come before the first one is loaded. */
  check(): void
  /** The name of the model that answers a request of this one; of the only one ''. */
  nameFor(name: string | undefined): string
  /** The first one first. */
  all(): HouseModel[]
  /** What is prepared on another thread for the first one, where it is loaded. */
  preparing(): Preparing | undefined
  /**
   * The model that a name means, once it is loaded. Throws why it cannot be loaded, `cancelled` once the signal fires, and
   * what `check` throws.
   */
  use(name: string | undefined, signal: AbortSignal): Promise<Lease>
  /** Tokens of all models since the server began. */
  counted(): ModelCounts
  /** Ends what waits to be prepared, or for a model. */
  stop(): void
  /** Closes what it has loaded; what is still being loaded, once it is. */
  close(): Promise<void>
}
