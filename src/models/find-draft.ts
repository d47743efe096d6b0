/** What `draft` means: the folder of a checkpoint, or auto or off. */
import { TetherError } from '../errors.js'
import { nearest } from '../nearest.js'
import { draftOption } from '../options.js'
import { findModel, type ModelPlaces } from './find-model.js'

/** A path and a name become a folder, as of a model. Throws `model_not_found`. */
export function findDraft(draft: string, places: ModelPlaces): string {
  const words: readonly string[] = draftOption.of
  if (words.includes(draft)) return draft
  try {
    return findModel(draft, places).path
  } catch (error) {
    if (!(error instanceof TetherError)) throw error
    const word = nearest(draft, [...words])
    const meant = word === undefined ? '' : `did you mean ${word}? `
    throw new TetherError(error.code, `draft: ${meant}${error.message}`, { cause: error })
  }
}
