/** The message for when no model is usable: where models go, and how to get one. */

import type { ModelSummary } from '../../models/describe-models.js'
import { defaultModelsDir, isFolder } from '../../models/models-dir.js'
import { shortPath } from '../terminal/short-path.js'
import { stripControls } from '../terminal/text-width.js'
import { commandForModels, tetherCommand } from '../tether-command.js'

/** A small model that the README recommends too. */
export const exampleModel = 'mlx-community/gemma-4-e2b-it-4bit'

/** The models folder, and whether a folder that the user has set is missing. */
export function folderText(modelsDir: string): string {
  const isMissing = modelsDir !== defaultModelsDir({}) && !isFolder(modelsDir)
  return `${shortPath(modelsDir)}${isMissing ? ', which does not exist' : ''}`
}

/** Without a final newline. `unusable`: models that are there but cannot be used. */
export function noModelText(modelsDir: string, unusable: ModelSummary[] = []): string {
  const faults = unusable.map(({ name, fault }) => `  ${stripControls(name)}: ${stripControls(fault ?? '')}\n`).join('')
  const none = faults ? `no model here can be used:\n${faults}` : `no models in ${folderText(modelsDir)}.\n`
  const pull = `To download one:\n  ${commandForModels(['pull', exampleModel])}`
  return `${none}${pull}\nTo see that tether works, with the demo model, which comes with it:\n  ${tetherCommand(['--model', 'demo'])}`
}
