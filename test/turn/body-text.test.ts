/** Bytes of bodies that JSON.parse alone would take: with letters lost, or with more values than memory is meant for. */
import { describe, expect, it, test } from 'vitest'
import { MOST_VALUES } from '../../src/turn/body-text.js'
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

describe('values', () => {
  const fault = `body: Input has more than ${MOST_VALUES} values`

  test.each([
    ['numbers', `[${'0,'.repeat(MOST_VALUES)}0]`],
    ['lists in a list', `[${'[],'.repeat(MOST_VALUES / 2)}[]]`],
    ['lists in each other', '['.repeat(MOST_VALUES + 1) + ']'.repeat(MOST_VALUES + 1)],
    ['objects', `[${'{"a":1},'.repeat(MOST_VALUES / 2)}1]`],
    ['behind texts with quotes', `["\\\\",${'"\\"",'.repeat(MOST_VALUES)}0]`],
    ['of a body that is no JSON', `"\\${'['.repeat(MOST_VALUES)}" ${'['.repeat(2 * MOST_VALUES)}`],
  ])('more are refused: %s', (_, text) => {
    expect(() => parseJson(bytes(text))).toThrow(fault)
  })

  test.each([
    ['small ones', `[${'0,'.repeat(MOST_VALUES - 1)}0]`],
    ['commas and brackets in a text', JSON.stringify(['[{,"\\'.repeat(MOST_VALUES)])],
  ])('no more than that are read: %s', (_, text) => {
    expect(JSON.stringify(parseJson(bytes(text))) === text).toBe(true)
  })
})
