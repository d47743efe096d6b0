/** The end of requests that are under way when the server closes: who has no answer yet gets an error that says why. */
import { TetherError } from '../errors.js'

/** The reason that the signals of its requests then have. */
export function closing(): TetherError {
  return new TetherError('closed', 'the server is closing')
}

/** The error of a request; what fails because the server closes fails for that reason, whatever it throws. */
export function whyFailed(error: unknown, { reason }: Pick<AbortSignal, 'reason'>): unknown {
  return reason instanceof TetherError ? reason : error
}
