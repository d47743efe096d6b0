/** What is said where there is no model to take, or none was taken: where one goes, and how to get it. */

import type { ModelSummary } from '../../models/describe-models.js'
import { shortPath } from '../terminal/short-path.js'
import { harmless } from '../terminal/text-width.js'

/** A small model that the README recommends too. */
const example = 'mlx-community/gemma-4-e2b-it-4bit'

/** Two lines, without an end. `there` are those that cannot be used. */
export function noModelText(modelsDir: string, there: ModelSummary[] = []): string {
  const faults = there.map(({ name, fault }) => `  ${harmless(name)}: ${harmless(fault ?? '')}\n`).join('')
  const none = faults
    ? `there is no model that tether can use\n${faults}`
    : `there is no model in ${shortPath(modelsDir)}\n`
  return `${none}put the folder of an MLX model there, or get one: tether pull ${example}`
}

/** One line, without an end. */
export function cancelledText([first]: ModelSummary[]): string {
  return `no model was chosen; name one, as in: tether --model ${harmless(first?.name ?? 'NAME')}`
}
