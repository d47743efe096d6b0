/** An error that only a server can have. It is thrown anywhere below the app, which answers it. */
import type { ServerFault } from '../errors.js'

export class HttpError extends Error {
  override readonly name = 'HttpError'

  constructor(
    readonly code: ServerFault,
    message: string,
    /** Sent along with the answer. */
    readonly headers: Record<string, string> = {},
  ) {
    super(message)
  }
}
