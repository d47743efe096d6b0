/** The state of a model that may still be loading, or be loaded again when a request asks for it. */
import { messageOf, TetherError } from '../errors.js'
import type { LoadedModel } from '../model/types.js'

/** What can be told of a model that is not loaded now, but was. */
export type SeenModel = Pick<LoadedModel, 'info' | 'stats'>

export type LoadState =
  | { state: 'loading'; progress?: number; message: string }
  | { state: 'failed'; message: string; cause: unknown }
  | { state: 'ready'; model: LoadedModel }
  /** Others have its memory. The next request for it loads it. `seen`: unset if it was never loaded. */
  | { state: 'unloaded'; seen?: SeenModel }

/** `progress` returns 0…1. A promise that rejects becomes `failed`; its rejection counts as handled. */
export function watchLoad(model: LoadedModel | Promise<LoadedModel>, progress?: () => number): () => LoadState {
  let settled: LoadState | undefined
  if (model instanceof Promise) {
    model.then(
      (loaded) => {
        settled = { state: 'ready', model: loaded }
      },
      (cause: unknown) => {
        settled = failedState(cause)
      },
    )
  } else {
    settled = { state: 'ready', model }
  }
  return () => settled ?? loadingState(progress?.())
}

/** The model, or what is known of it while it is not loaded. Throws the error for requests that come while there is none. */
export function seenModel(load: LoadState): SeenModel {
  if (load.state === 'unloaded' && load.seen) return load.seen
  return readyModel(load)
}

/** The model. Throws the error for requests that come while there is none. */
export function readyModel(load: LoadState): LoadedModel {
  if (load.state === 'ready') return load.model
  if (load.state === 'failed') throw new TetherError('internal', load.message, { cause: load.cause })
  throw new TetherError('not_loaded', load.state === 'loading' ? load.message : 'the model is not loaded')
}

export function failedState(cause: unknown): LoadState {
  return { state: 'failed', message: messageOf(cause), cause }
}

export function loadingState(progress?: number): LoadState & { state: 'loading' } {
  if (progress === undefined) return { state: 'loading', message: 'model is loading' }
  return { state: 'loading', progress, message: `model is loading (${Math.floor(progress * 100)}%)` }
}
