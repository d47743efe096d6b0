/** The state of a model that may still be loading. */
import { TetherError } from '../errors.js'
import type { LoadedModel } from '../model/types.js'

export type LoadState =
  | { state: 'loading'; progress?: number; message: string }
  | { state: 'failed'; message: string; cause: unknown }
  | { state: 'ready'; model: LoadedModel }

/** `progress` returns 0…1. A promise that rejects becomes `failed`; its rejection counts as handled. */
export function watchLoad(model: LoadedModel | Promise<LoadedModel>, progress?: () => number): () => LoadState {
  let settled: LoadState | undefined
  if (model instanceof Promise) {
    model.then(
      (loaded) => {
        settled = { state: 'ready', model: loaded }
      },
      (cause: unknown) => {
        settled = { state: 'failed', message: cause instanceof Error ? cause.message : String(cause), cause }
      },
    )
  } else {
    settled = { state: 'ready', model }
  }
  return () => settled ?? loading(progress?.())
}

/** The model. Throws the error for requests that come while there is none. */
export function readyModel(load: LoadState): LoadedModel {
  if (load.state === 'ready') return load.model
  if (load.state === 'failed') throw new TetherError('internal', load.message, { cause: load.cause })
  throw new TetherError('not_loaded', load.message)
}

/** undefined: there is none yet, or none at all. */
export function loadedModel(load: LoadState): LoadedModel | undefined {
  return load.state === 'ready' ? load.model : undefined
}

function loading(progress?: number): LoadState {
  if (progress === undefined) return { state: 'loading', message: 'model is loading' }
  return { state: 'loading', progress, message: `model is loading (${Math.floor(progress * 100)}%)` }
}
