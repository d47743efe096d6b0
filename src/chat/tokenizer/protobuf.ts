/** Reads protocol buffers: the fields of one message, in the order of the file. */

export interface Field {
  number: number
  /** A whole number; the bits of a float. */
  value: number
  /** Text, bytes or an inner message. */
  bytes: Uint8Array
}

/** Yields undefined, once and last, where the message is damaged. */
export function* readFields(message: Uint8Array): Generator<Field | undefined> {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
  const none = message.subarray(0, 0)
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 1; at < message.length && shift <= 2 ** 63; shift *= 128) {
      const byte = message[at] as number
      at += 1
      value += (byte & 127) * shift
      if (byte < 128) return value
    }
    return -1
  }
  while (at < message.length) {
    const key = varint()
    const number = Math.floor(key / 8)
    const wire = key % 8
    if (number < 1) return yield undefined
    if (wire === 0) {
      const value = varint()
      if (value < 0) return yield undefined
      yield { number, value, bytes: none }
      continue
    }
    const length = wire === 2 ? varint() : wire === 5 ? 4 : wire === 1 ? 8 : -1
    if (length < 0 || length > message.length - at) return yield undefined
    yield { number, value: wire === 5 ? view.getUint32(at, true) : 0, bytes: message.subarray(at, at + length) }
    at += length
  }
}
