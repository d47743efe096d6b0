/** The search for stop sequences, against one that looks at every place of the text. */
import { expect, test } from 'vitest'
import { stopSearch } from '../../src/turn/stop-search.js'
import { cpuTime } from '../support/cpu-time.js'
import { seeded } from '../support/random.mjs'

/** Character by character: the first end at which a sequence is complete, and of those that end there the longest. */
function slowly(text: string, sequences: string[]): { text: string; met?: string } {
  for (let end = 1; end <= text.length; end++) {
    const here = sequences.filter((sequence) => text.slice(0, end).endsWith(sequence))
    const [met] = here.sort((one, other) => other.length - one.length)
    if (met !== undefined) return { text: text.slice(0, end - met.length), met }
  }
  return { text }
}

test('finds in any pieces what a slow search finds, and holds back only what may become a sequence', () => {
  const random = seeded(5)
  const word = (most: number) =>
    Array.from({ length: 1 + random.below(most) }, () => random.pick(['a', 'b', 'c'])).join('')
  for (let round = 0; round < 3000; round++) {
    const sequences = Array.from({ length: 1 + random.below(4) }, () => word(5))
    const text = word(14)
    const search = stopSearch(sequences)
    let said = ''
    let met: string | undefined
    for (let at = 0; at < text.length && met === undefined; ) {
      const piece = text.slice(at, at + 1 + random.below(4))
      at += piece.length
      const found = search.push(piece)
      said += found.text
      met = found.met
      const held = text.slice(said.length, at)
      if (met === undefined) expect(held === '' || sequences.some((sequence) => sequence.startsWith(held))).toBe(true)
    }
    if (met === undefined) said += search.rest()
    expect({ text: said, met }, JSON.stringify([sequences, text])).toEqual({
      met: undefined,
      ...slowly(text, sequences),
    })
  }
})

test('takes twice the time for twice the sequences or twice the text, not more', () => {
  const time = (count: number, letters: number) => {
    const sequences = Array.from({ length: count }, (_, i) => `${'a'.repeat(20)}${i}`)
    const started = cpuTime()
    const search = stopSearch(sequences)
    for (let i = 0; i < letters; i++) search.push('a')
    return cpuTime() - started
  }
  time(500, 50_000)
  expect(time(2000, 400_000)).toBeLessThan(2000)
})
