/** The bytes of a body before they are read as JSON: what would lose or cost too much there is refused here. */
import { TetherError } from '../errors.js'

/** Each takes up to 150 bytes once it is read, where its JSON may have one. 32 MiB of the shortest messages have three million. */
export const MOST_VALUES = 4_000_000

const QUOTE = 0x22
const COMMA = 0x2c
const LIST = 0x5b
const BACKSLASH = 0x5c
const OBJECT = 0x7b

/** Its text, without a byte order mark. Throws `invalid_request` for what is no UTF-8, and for more values than those. */
export function bodyText(body: Uint8Array): string {
  if (hasTooManyValues(Buffer.from(body.buffer, body.byteOffset, body.byteLength))) {
    throw new TetherError('invalid_request', `body: Input has more than ${MOST_VALUES} values`, { field: 'body' })
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw new TetherError('invalid_request', 'the body is not valid UTF-8: send JSON in UTF-8')
  }
}

/** Counts what a value stands behind. */
function hasTooManyValues(body: Buffer): boolean {
  // Too short for so many.
  if (body.byteLength <= MOST_VALUES) return false
  let values = 0
  for (let at = 0; at < body.byteLength && values <= MOST_VALUES; at++) {
    const byte = body[at]
    if (byte === QUOTE) at = endOfText(body, at + 1)
    else if (byte === COMMA || byte === LIST || byte === OBJECT) values++
  }
  return values > MOST_VALUES
}

/** -> the place of the quote that ends a text, or the end of the body */
function endOfText(body: Buffer, from: number): number {
  for (let end = body.indexOf(QUOTE, from); end >= 0; end = body.indexOf(QUOTE, end + 1)) {
    let first = end
    while (first > from && body[first - 1] === BACKSLASH) first--
    if ((end - first) % 2 === 0) return end
  }
  return body.byteLength
}
