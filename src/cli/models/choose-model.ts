/** Chooses the model to run: the one that is named, or one that the user picks. */
import { TetherError } from '../../errors.js'
import {
  type DescribeOptions,
  describeModels,
  type ModelSummary,
  whyUnsupported,
} from '../../models/describe-models.js'
import { type FoundModel, findModel, type ModelPlaces } from '../../models/find-model.js'
import { Cancelled } from '../terminal/signals.js'
import { commandForModels, withModel } from '../tether-command.js'
import { lastFirst, lastModel } from './last-model.js'
import { noModelText } from './no-model.js'

export interface ChooseOptions extends ModelPlaces, DescribeOptions {
  /** What --model or the configuration names; unset: the picker. */
  model?: string
  /** The file and line of the configuration that names it, if none is given on the command line. */
  namedIn?: string
  /** Use the demo model if no other is usable. */
  demoIfNone?: boolean
  /** Do not ask if only one model is usable. */
  takeOnly?: boolean
}

/** Throws `model_not_found` with what to do if there is none, Cancelled if the user cancels, Interrupted for a signal. */
export async function chooseModel(options: ChooseOptions): Promise<FoundModel> {
  if (options.model !== undefined) return named(options.model, options)
  const models = await describeModels(options.modelsDir, options)
  const usable = models.filter(({ state }) => state === 'ok')
  const [only] = usable
  if (only === undefined) {
    if (options.demoIfNone && options.demo) return { path: options.demo, name: 'demo', isDemo: true }
    throw new TetherError('model_not_found', noModelText(options.modelsDir, models))
  }
  if (usable.length === 1 && options.takeOnly) return found(only)
  const last = lastModel()
  const picked = await pickModel(lastFirst(models, last), last)
  if (picked) return found(picked)
  throw new Cancelled()
}

/** Throws what --list says of a model that is not supported. A damaged one is for the loader, which knows more. */
async function named(model: string, options: ChooseOptions): Promise<FoundModel> {
  const found = find(model, options)
  const fault = await whyUnsupported(found.path)
  if (fault === undefined) return found
  throw new TetherError('unsupported_model', `${found.name}: ${fault}`)
}

function find(model: string, options: ChooseOptions): FoundModel {
  try {
    const command = (words: string[]) =>
      words[0] === '--model' && words[1] ? withModel(model, words[1]) : commandForModels(words)
    return findModel(model, { command, ...options })
  } catch (error) {
    if (options.namedIn === undefined || !(error instanceof TetherError)) throw error
    throw new TetherError(error.code, `${options.namedIn}: ${error.message}`, { cause: error })
  }
}

function found({ name, path }: ModelSummary): FoundModel {
  return { name, path, isDemo: false }
}

/**
 * Lets the user pick: with keys in a terminal, otherwise by number. Draws on stderr. `last`: the folder of the model
 * that is marked as last used. undefined: cancelled. Rejects with Interrupted for a signal and for Ctrl-C.
 */
export async function pickModel(models: ModelSummary[], last?: string): Promise<ModelSummary | undefined> {
  const { stdin, stderr } = process
  const drawable = stdin.isTTY === true && stderr.isTTY === true && process.env.TERM !== 'dumb'
  if (drawable) return (await import('./pick-in-terminal.js')).pickInTerminal({ models, last }, stdin, stderr)
  return (await import('./pick-by-number.js')).pickByNumber({ models, last }, stderr)
}
