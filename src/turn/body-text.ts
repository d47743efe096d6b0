/** The bytes of a body before they are read as JSON: what would be lost there is refused here. */
import { TetherError } from '../errors.js'

/** Its text, without a byte order mark. Throws `invalid_request` for what is no UTF-8. */
export function bodyText(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw new TetherError('invalid_request', 'the body is not valid UTF-8: send JSON in UTF-8')
  }
}
