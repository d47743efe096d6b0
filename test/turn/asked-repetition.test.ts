/** How much repetition a request asks for. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { askedRepetition, MOST_TIMES, MOST_TOKENS } from '../../src/turn/asked-repetition.js'
import { plainNumbers } from '../../src/turn/plain-numbers.js'
import { ORDINARY } from '../support/repetition-requests.mjs'

test.each([
  ['write it 200 times', 200],
  ['Please write "I have 3,000 cats." 20 times', 20],
  ['write it 2k times', 2000],
  ['write it 1,500 times', 1500],
  ['write it 1.500 times', 1500],
  ['write it 1 500 times', 1500],
  ["write it 1'500 times", 1500],
  ['write it ２００ times', 200],
  ['write it a hundred times', 100],
  ['write it two dozen times', 24],
  ['write it one hundred and twenty-five times', 125],
  ['write it ten thousand times', 10_000],
  ['Write it 200x', 200],
  ['Write it 99999999 times', MOST_TIMES],
  ['“hello”, 200 times', 200],
  ['hello × 200', 200],
  ['Print 300 lines of hello', 300],
  ['Print 300 lines: "hello"', 300],
  ['Print 300 equal lines', 300],
  ['Print 300 lines, all the same', 300],
  ['Print 1,000 emoji', 1000],
  ['write 500 🙂', 500],
  ['Write 700 blue hearts', 700],
  ['Repeat it: a | b, 90 times', 90],
  ['Yo print me "lol" like 500 times', 500],
  ['In one file, write the following line two hundred times: hello', 200],
  ['Please create data/test.csv. It should have 1000 rows, all identical: a,b,c', 1000],
  ['Create a file. The file must contain the string "abc" repeated 1000 times.', 1000],
  ['Can I get 500 lines of "hello world"?', 500],
  ['Could I have 1000 zeros?', 1000],
  ["Let's have 300 lines of hello", 300],
  ['Output: "hello world" (x500)', 500],
  ['hello*500', 500],
  ['Use the Write tool to create out.txt with 500 lines, every line "hello"', 500],
  ['Make me a file with 2000 lines where each line says hello', 2000],
  ['Write this line 70 times', 70],
  ['start writing "a" 80 times', 80],
  ['écris mille fois « pardon »', 1000],
  ['schreibe tausend mal "es tut mir leid"', 1000],
  [`Write this: ${'I was here. You were there. '.repeat(5)} 90 times, please.`, 90],
  ['Create a file with:\n- a header\n- 90 equal rows\n- a footer', 90],
  ['Here is what to do.\n1. Print hello 90 times', 90],
  ['Print hello 50 times, then bye 80 times', 80],
  ['We saw it fail.\nNow write sorry 80 times.', 80],
  ['Escribe esta frase cien veces', 100],
  ['Schreib den Satz tausendmal, also 1.000 mal', 1000],
  ['напиши слово сто раз', 100],
  ['请写三百五十遍', 350],
  ['写１２０遍', 120],
  ['천 번 써줘', 1000],
  ['اكتبها ١٥٠ مرة', 150],
])('%s: a text of any length comes so often', (request, times) => {
  expect(askedRepetition(request)).toMatchObject({ times })
})

test.each([
  ['Draw 500 boxes', 2000],
  ['Generate 500 different users', 2000],
  ['Write 300 lines of code', 1200],
  ['Write a 700-word essay', 1400],
  ['Write 3000 characters', 3000],
  ['write a file of 2 KB', 2048],
  ['写2000个哈', 8000],
  ['Write 50,000 names', MOST_TOKENS],
])('%s: a text of a few tokens comes so often, and no long one', (request, tokens) => {
  expect(askedRepetition(request)).toEqual({ times: 0, tokens })
})

test.each(ORDINARY)('%s: nothing above what is no loop in any case', (request) => {
  const { times, tokens } = askedRepetition(request) ?? { times: 0, tokens: 0 }
  // Any text may come four times.
  expect(times).toBeLessThanOrEqual(4)
  expect(tokens).toBeLessThanOrEqual(800)
})

test('of the paragraphs in pages full of numbers, fewer than one in a hundred raises a limit', () => {
  const pages = ['README.md', 'CONTRIBUTING.md', 'bench/README.md', 'docs/configuration.md', 'docs/architecture.md']
  const paragraphs = pages.flatMap((page) => readFileSync(page, 'utf8').split(/\n\s*\n/))
  const raising = paragraphs.filter((paragraph) => {
    const asked = askedRepetition(paragraph)
    return asked !== undefined && (asked.times > 4 || asked.tokens > 800)
  })
  expect(paragraphs.length).toBeGreaterThan(300)
  expect(raising.length).toBeLessThan(paragraphs.length / 100)
})

describe('a long text', () => {
  test('may be full of numbers before it asks', () => {
    const log = Array.from({ length: 300 }, (_, i) => `${i} rows`).join('\n')
    expect(askedRepetition(`${log}\nWrite it 200 times`)).toMatchObject({ times: 200 })
  })

  test('is read at its beginning and its end', () => {
    const filler = 'nothing to see here. '.repeat(1000)
    expect(askedRepetition(`Write it 200 times. ${filler}`)).toMatchObject({ times: 200 })
    expect(askedRepetition(`${filler} Write it 200 times.`)).toMatchObject({ times: 200 })
    expect(askedRepetition(`${filler} Write it 200 times. ${filler}`)).toBeUndefined()
  })

  test.each(['write 9 ', '"', "'a ", '1,000 ', 'a hundred and ', 'function ', '9 x ', '« ', '一', 'to '])(
    'of nothing but %s ends',
    (part) => {
      const { times, tokens } = askedRepetition(part.repeat(3_000_000)) ?? { times: 0, tokens: 0 }
      expect(times).toBeLessThanOrEqual(MOST_TIMES)
      expect(tokens).toBeLessThanOrEqual(MOST_TOKENS)
    },
  )
})

test.each([
  ['a hundred', '100'],
  ['two hundred fifty', '250'],
  ['three thousand five hundred', '3500'],
  ['12 thousand', '12000'],
  ['hundreds', 'hundreds'],
  ['1,000,000', '1000000'],
  ['1,00', '1,00'],
  ['1.2.300', '1.2.300'],
  ['v1.200', 'v1.200'],
  ['10.0.0.100', '10.0.0.100'],
  ['一千二百遍', '1200遍'],
  ['两万次', '20000次'],
  ['千万', '千万'],
  ['๓๐๐', '300'],
])('the number %s is %s', (text, plain) => {
  expect(plainNumbers(text)).toBe(plain)
})

test('a thing that is called as a property of every object has no size of its own', () => {
  expect(askedRepetition('Add 3 constructor parameters')?.tokens ?? 0).toBeLessThan(100)
})
