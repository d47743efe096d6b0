/** Lets a person choose a model: with keys in a terminal, with a number elsewhere. Everything is drawn on stderr. */
import type { ModelSummary } from '../../models/describe-models.js'
import { pickByNumber } from './pick-by-number.js'
import { pickInTerminal } from './pick-in-terminal.js'

/** undefined: cancelled. Throws Interrupted for a signal. The terminal is as it was before, however it ends. */
export function pickModel(models: ModelSummary[]): Promise<ModelSummary | undefined> {
  const { stdin, stderr } = process
  const drawable = stdin.isTTY === true && stderr.isTTY === true && process.env.TERM !== 'dumb'
  return drawable ? pickInTerminal(models, stdin, stderr) : pickByNumber(models, stderr)
}
