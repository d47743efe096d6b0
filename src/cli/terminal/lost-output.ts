/** A command whose output could not be written, as on a full disk, has failed and says so. */
import { reasonOf } from '../../one-line.js'
import { say } from './say.js'

/** -> what the exit status becomes at the end of the command. The reader of a pipe may leave: that is no fault. */
export function watchOutput(stream: NodeJS.WriteStream = process.stdout): (status: number) => Promise<number> {
  let fault: NodeJS.ErrnoException | undefined
  const note = (error: Error) => {
    fault ??= error
  }
  stream.on('error', note)
  return async (status) => {
    // Errors of what was just written come in the next turn.
    await new Promise((resolve) => setImmediate(resolve))
    stream.off('error', note)
    if (status !== 0 || !fault || fault.code === 'EPIPE') return status
    say(`the output cannot be written: ${reasonOf(fault)}`)
    return 1
  }
}
