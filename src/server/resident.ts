/** One of the models of a server: loaded or not, and who uses it. */
import type { EngineStats } from '../engine/types.js'
import { type AdapterNames, adapterNames } from '../model/adapters.js'
import type { LoadedModel, OpenModelOptions } from '../model/types.js'
import { failedState, type LoadState, loadingState, type SeenModel } from './loading.js'
import { countsOf, type ModelCounts, noCounts, sumOfCounts } from './model-counts.js'
import { createPreparing, type Preparing } from './preparing.js'

/** How a server loads one of several models: both are for `loadModel`. */
export type LoadHow = Pick<OpenModelOptions, 'onProgress' | 'asksForRoom'>

/** A model that requests may name. */
export interface ServedModel {
  /** What requests call it. */
  name: string
  /** The names of its LoRA adapters: a request for another one is refused without a load. Unset: they are not known before. */
  adapters?: readonly string[]
  /** Called when a request names it and it is not loaded. The server closes what it gives. */
  load(how: LoadHow): Promise<LoadedModel>
}

/** A model that is loaded, and the other thread that prepares its large requests. */
export interface Home {
  model: LoadedModel
  preparing: Preparing | undefined
}

export class Resident {
  /** Requests that it answers, or that wait for it. */
  users = 0
  /** When a request last began or ended, by performance.now(). */
  usedAt = 0
  private now: LoadState | { state: 'home'; home: Home } = { state: 'unloaded' }
  private seen: SeenModel | undefined
  private fraction: number | undefined
  /** Of loads that are over. */
  private before = noCounts
  /** As far as they are known before it is loaded. */
  private readonly planned: AdapterNames | undefined

  constructor(
    readonly name: string,
    /** Unset: it is never unloaded. */
    private readonly entry?: ServedModel,
  ) {
    const adapters = entry?.adapters?.map((adapter) => ({ name: adapter }))
    this.planned = adapters && adapterNames(name, adapters)
  }

  get home(): Home | undefined {
    return this.now.state === 'home' ? this.now.home : undefined
  }

  /** Whether it is loaded, and may be loaded again. */
  get canUnload(): boolean {
    return this.home !== undefined && this.canReload
  }

  /** Whether a request waits for memory that others have. */
  get lacks(): boolean {
    return this.home !== undefined && this.home.model.stats().memory.lacking > 0
  }

  /** Whether all its requests wait for the engine: one that is still being prepared could not go on where it is loaded again. */
  get isStuck(): boolean {
    const stats = this.home?.model.stats()
    return stats !== undefined && stats.queued > 0 && stats.live === 0 && stats.queued >= this.users
  }

  get canReload(): boolean {
    return this.entry !== undefined
  }

  /** What requests may call it, as far as that is known. */
  get names(): readonly string[] {
    return this.home?.model.info.names ?? this.seen?.info.names ?? this.planned?.all ?? [this.name]
  }

  /** Throws `model_not_found` where this name asks for an adapter that it is known not to have. What is loaded says so itself. */
  checkName(name: string | undefined): void {
    if (!this.home) this.planned?.numberOf(name)
  }

  state(): LoadState {
    if (this.now.state === 'home') return { state: 'ready', model: this.now.home.model }
    return this.now.state === 'loading' ? loadingState(this.fraction) : this.now
  }

  /** The same, but a model that was loaded before is `unloaded` until it is so again. */
  stateOfKnown(): LoadState {
    return this.home || !this.seen ? this.state() : { state: 'unloaded', seen: this.seen }
  }

  /** Since the server began. */
  counted(): ModelCounts {
    return this.home ? sumOfCounts(this.before, countsOf(this.home.model.stats())) : this.before
  }

  /** Throws what the loading throws; then it is `failed` until it is asked for again. */
  async load({ asksForRoom }: Pick<LoadHow, 'asksForRoom'>): Promise<Home> {
    this.fraction = undefined
    this.now = loadingState()
    try {
      const onProgress = (fraction: number) => {
        this.fraction = fraction
      }
      return this.settle(await (this.entry as ServedModel).load({ onProgress, asksForRoom }))
    } catch (error) {
      this.now = failedState(error)
      throw error
    }
  }

  /** It waits for the memory that others have. */
  waits(): void {
    this.now = loadingState()
  }

  /** It lacked memory, and nobody waits for it any more. */
  abandon(): void {
    this.now = { state: 'unloaded', seen: this.seen }
  }

  settle(model: LoadedModel): Home {
    const home = { model, preparing: createPreparing(model) }
    this.now = { state: 'home', home }
    return home
  }

  /** Closes it. What is known of it stays. */
  async unload(): Promise<void> {
    const { home } = this
    if (!home) return
    const stats = withoutMemory(home.model.stats())
    this.before = sumOfCounts(this.before, countsOf(stats))
    this.seen = { info: home.model.info, stats: () => stats }
    this.now = { state: 'unloaded', seen: this.seen }
    home.preparing?.close()
    await home.model.close()
  }
}

function withoutMemory(stats: EngineStats): EngineStats {
  const memory = { ...stats.memory, active: 0, reserved: 0, lacking: 0, weights: 0, kv: 0, prefix: 0, scratch: 0 }
  const tokensPerSecond = { prefill: 0, decode: 0 }
  return { ...stats, memory, tokensPerSecond, live: 0, queued: 0, running: [], prefill: { done: 0, total: 0 } }
}
