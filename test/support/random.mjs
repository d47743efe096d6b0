// Seeded randomness and scraps of text, for the tests and for the fuzzer of tokenizers, which runs without TypeScript.

/** The same numbers for the same seed, on every machine. */
export function seeded(seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
  const below = (limit) => Math.floor(next() * limit)
  return { below, pick: (from) => from[below(from.length)], chance: (share) => next() < share }
}

export const SPACES = [
  ' ',
  ' ',
  ' ',
  '  ',
  '   ',
  '\n',
  '\n\n',
  '\n\n\n\n',
  '\t',
  '\t\t',
  '\r\n',
  ' \n ',
  '\u00a0',
  '\u3000',
  '\u0085',
  '\u2028',
]

export const CODE = [
  '{',
  '}',
  '();',
  '=>',
  '"x": 1,',
  '// why',
  '#!/bin/sh',
  '<div>',
  '</table>',
  '<h1>',
  '&&',
  '$HOME',
  '\\n',
  '`a`',
  '[0]',
]
