/** JSON as Python programs write it. */
import { describe, expect, test } from 'vitest'
import { parsePythonJson } from '../src/python-json.js'

const bom = '\ufeff'

describe('parsePythonJson', () => {
  test.each<[string, unknown]>([
    ['{"a": NaN}', { a: Number.NaN }],
    ['{"a": Infinity, "b": [-Infinity, 1]}', { a: Number.POSITIVE_INFINITY, b: [Number.NEGATIVE_INFINITY, 1] }],
    ['NaN', Number.NaN],
    ['{"a": {"__float__": "Infinity"}}', { a: Number.POSITIVE_INFINITY }],
    ['{"a": {"__float__": "NaN"}, "b": -Infinity}', { a: Number.NaN, b: Number.NEGATIVE_INFINITY }],
    ['{"a": {"__float__": "Infinity", "b": 1}}', { a: { __float__: 'Infinity', b: 1 } }],
    ['{"a": {"__float__": "toString"}}', { a: { __float__: 'toString' } }],
    [`${bom}{"a": 1}`, { a: 1 }],
    [`${bom}{"a": NaN}`, { a: Number.NaN }],
    [
      '{"NaN": "Infinity", "b": "\\"NaN, -Infinity", "c": NaN}',
      { NaN: 'Infinity', b: '"NaN, -Infinity', c: Number.NaN },
    ],
    ['{"a": 1000000000000000019884624838656}', { a: 1e30 }],
    ['{"a": 1, "a": 2}', { a: 2 }],
    ['{"a": "\\ud83d\\ude00 \\ud800"}', { a: '\u{1f600} \ud800' }],
    ['{"a": -1, "b": 1e-5}', { a: -1, b: 1e-5 }],
  ])('reads %s', (text, value) => expect(parsePythonJson(text)).toEqual(value))

  test.each(['', '{', 'NaNa', '{"a": Infinit}', '{"a": nan}', '{"a": +Infinity}', '{"a": NaN', '{"a": 1,}', '"NaN'])(
    'rejects %j as Python does',
    (text) => expect(() => parsePythonJson(text)).toThrow(SyntaxError),
  )

  test('reads a long string beside a NaN in no time', () => {
    const long = '\\"N'.repeat(1_000_000)
    expect(parsePythonJson(`{"a": "${long}", "b": NaN}`)).toEqual({ a: '"N'.repeat(1_000_000), b: Number.NaN })
  })
})
