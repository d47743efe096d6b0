/** A model that may still be on its way: what there is of it now. */
import { TetherError } from '../errors.js'
import type { LoadedModel } from '../model/types.js'

export type LoadState =
  | { state: 'loading'; progress?: number; message: string }
  | { state: 'failed'; message: string; cause: unknown }
  | { state: 'ready'; model: LoadedModel }

/** `progress` answers 0…1. A promise that rejects becomes `failed`; it is never left unhandled. */
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

/** The model, or the error that a request for it gets meanwhile. */
export function readyModel(load: LoadState): LoadedModel {
  if (load.state === 'ready') return load.model
  if (load.state === 'failed') throw new TetherError('internal', load.message, { cause: load.cause })
  throw new TetherError('not_loaded', load.message)
}

function loading(progress?: number): LoadState {
  if (progress === undefined) return { state: 'loading', message: 'model is loading' }
  return { state: 'loading', progress, message: `model is loading (${Math.floor(progress * 100)}%)` }
}
