/** What goes wrong with a checkpoint, as one line: it has texts of the checkpoint's files in it, and no line of its own. */
import { TetherError } from '../../errors.js'
import { oneLine } from '../../one-line.js'

/** For a load that rejects. Throws. */
export function inOneLine(error: unknown): never {
  if (!(error instanceof TetherError) || error.code === 'addon_missing') throw error
  const message = oneLine(error.message)
  throw message === error.message ? error : new TetherError(error.code, message, { cause: error })
}
