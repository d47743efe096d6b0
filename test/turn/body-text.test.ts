/** Bytes of bodies that JSON.parse alone would take, with letters lost. */
import { describe, expect, it, test } from 'vitest'
import { parseJson } from '../../src/turn/request-fields.js'

const bytes = (text: string) => new TextEncoder().encode(text)

describe('text that is no UTF-8', () => {
  test.each([
    ['Latin-1', [0xe9]],
    ['the first half of a letter', [0xc3]],
    ['an overlong form', [0xc0, 0xaf]],
    ['half of a surrogate pair', [0xed, 0xa0, 0x80]],
  ])('%s is refused', (_, odd) => {
    const body = Uint8Array.from([...bytes('{"a":"'), ...odd, ...bytes('"}')])
    expect(() => parseJson(body)).toThrow(/^the body is not valid UTF-8: send JSON in UTF-8$/)
  })

  it('is no text that begins with a byte order mark, or has one', () => {
    expect(parseJson(bytes('\ufeff{"a":"é\ufeff😀"}'))).toEqual({ a: 'é\ufeff😀' })
  })
})
