/** Answers that end early: at a stop sequence, or after their first call. */
import { describe, expect, it, test } from 'vitest'
import type { GeneratedPart } from '../../src/turn/read-answer.js'
import { stopAfterCall, stopAtSequence } from '../../src/turn/stop-early.js'
import { call, collect, end, from, text, thinking } from '../support/generated-parts.js'

describe('stopping at a sequence', () => {
  const run = async (sequences: string[], ...parts: GeneratedPart[]) => {
    let stops = 0
    const all = await collect(stopAtSequence(from([...parts, end('cancelled')]), sequences, () => stops++))
    const last = all.at(-1)
    return {
      text: all.map((part) => (part.type === 'text' ? part.text : '')).join(''),
      met: last?.type === 'end' ? last.stopSequence : undefined,
      stops,
    }
  }
  const letters = (word: string) => [...word].map(text)

  test.each([
    ['hello END more', ['END'], 'hello ', 'END'],
    ['hello ENDEND', ['END'], 'hello ', 'END'],
    ['hello EEND', ['END'], 'hello E', 'END'],
    ['hello EN', ['END'], 'hello EN', undefined],
    ['abcd', ['abcd', 'bc'], 'a', 'bc'],
    ['aab', ['aab'], '', 'aab'],
    ['none', ['x', 'yy'], 'none', undefined],
  ])('%j at %j, whole and letter by letter', async (word, sequences, before, met) => {
    const expected = { text: before, met, stops: met ? 1 : 0 }
    expect(await run(sequences, text(word))).toEqual(expected)
    expect(await run(sequences, ...letters(word))).toEqual(expected)
  })

  it('passes on at once what cannot become a stop sequence', async () => {
    const parts = stopAtSequence(from([text('a\n'), text('b'), end()]), ['\n\nHuman:'], () => {})
    expect((await parts.next()).value).toEqual(text('a'))
    expect((await parts.next()).value).toEqual(text('\nb'))
  })

  it('ignores thinking and calls', async () => {
    expect(await run(['x'], thinking('x'), call('x', { x: 'x' }), text('a'))).toMatchObject({ text: 'a', stops: 0 })
  })
})

it('stopping after a call passes on one call and the end', async () => {
  let stops = 0
  const parts = [text('a'), call('A'), text('b'), call('B'), end('cancelled')]
  const all = await collect(stopAfterCall(from(parts), () => stops++))
  expect(all.map((part) => part.type)).toEqual(['text', 'tool_call', 'end'])
  expect(all.at(-1)).toMatchObject({ finish: { reason: 'stop', outputTokens: 7 } })
  expect(stops).toBe(1)
})
