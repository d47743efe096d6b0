/** Parts become events in Anthropic's order, and events one message. */
import { describe, expect, it, test } from 'vitest'
import { type Spoken, toEvents } from '../../src/anthropic/events.js'
import { fold } from '../../src/anthropic/fold.js'
import { stopAfterCall, stopAtSequence } from '../../src/anthropic/stop-sequences.js'
import type { MessageEvent } from '../../src/anthropic/types.js'
import type { FinishReason } from '../../src/engine/types.js'

const text = (text: string): Spoken => ({ type: 'text', text })
const thinking = (text: string): Spoken => ({ type: 'thinking', text })
const call = (name: string, input = {}): Spoken => ({ type: 'tool_call', name, input })
const finish = (reason: FinishReason = 'stop', stopSequence?: string): Spoken => ({
  type: 'finish',
  finish: {
    reason,
    promptTokens: 10,
    cachedTokens: 4,
    outputTokens: 7,
    queueSeconds: 0,
    prefillSeconds: 0,
    decodeSeconds: 0,
  },
  stopSequence,
})

async function* from<T>(items: T[]) {
  yield* items
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

const events = (...spoken: Spoken[]) => collect(toEvents(from(spoken), { model: 'm', promptTokens: 10 }))
const message = async (...spoken: Spoken[]) => fold(from(await events(...spoken)))

/** Blocks as words: `text(…)`, `thinking(…)`, `Name{…}`. */
async function blocks(...spoken: Spoken[]): Promise<string[]> {
  const { content } = await message(...spoken)
  return content.map((block) => {
    if (block.type === 'tool_use') return block.name + JSON.stringify(block.input)
    return block.type === 'text' ? `text(${block.text})` : `thinking(${block.thinking})`
  })
}

describe('the stream', () => {
  it('has Anthropic’s order and fields', async () => {
    const seen = await events(thinking('hm'), thinking('.'), text('Hi'), call('Read', { path: 'a' }), finish())
    const shapes = seen.map((e) =>
      e.type === 'content_block_delta'
        ? e.delta.type
        : e.type === 'content_block_start'
          ? e.content_block.type
          : e.type,
    )
    expect(shapes).toEqual([
      'message_start',
      ...['thinking', 'thinking_delta', 'thinking_delta', 'signature_delta', 'content_block_stop'],
      ...['text', 'text_delta', 'content_block_stop'],
      ...['tool_use', 'input_json_delta', 'content_block_stop'],
      'message_delta',
      'message_stop',
    ])
    expect(seen[0]).toMatchObject({
      message: {
        id: expect.stringMatching(/^msg_/),
        role: 'assistant',
        content: [],
        stop_reason: null,
        usage: { input_tokens: 10, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 1 },
      },
    })
    expect(seen[1]).toMatchObject({ index: 0, content_block: { thinking: '' } })
    expect(seen[4]).toMatchObject({ delta: { signature: expect.stringMatching(/.{8}/) } })
    expect(seen[6]).toEqual({ type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } })
    expect(seen[9]).toMatchObject({ index: 2, content_block: { id: expect.stringMatching(/^toolu_/), input: {} } })
    expect(seen.at(-2)).toEqual({
      type: 'message_delta',
      delta: { stop_reason: 'tool_use', stop_sequence: null },
      usage: { input_tokens: 6, cache_creation_input_tokens: 0, cache_read_input_tokens: 4, output_tokens: 7 },
    })
  })

  it('begins before the first part is asked for', async () => {
    const never: AsyncIterable<Spoken> = {
      [Symbol.asyncIterator]: () => {
        throw new Error('asked too early')
      },
    }
    const first = await toEvents(never, { model: 'm', promptTokens: 1 }).next()
    expect(first.value).toMatchObject({ type: 'message_start' })
  })

  it('sends an empty input as a delta, and a large one in pieces that hold whole characters', async () => {
    const pieces = (seen: MessageEvent[]) =>
      seen.flatMap((e) =>
        e.type === 'content_block_delta' && e.delta.type === 'input_json_delta' ? [e.delta.partial_json] : [],
      )
    expect(pieces(await events(call('A'), finish()))).toEqual(['{}'])
    const input = { text: 'x🍍'.repeat(5000) }
    const large = pieces(await events(call('A', input), finish()))
    expect(large.length).toBeGreaterThan(10)
    for (const piece of large) expect(piece).not.toMatch(/[\ud800-\udbff]$/)
    expect(JSON.parse(large.join(''))).toEqual(input)
  })

  it('gives every call an id of its own', async () => {
    const { content } = await message(call('A'), call('A'), finish())
    expect(new Set(content.map((block) => block.type === 'tool_use' && block.id)).size).toBe(2)
  })
})

test.each<[string, Spoken[], string[]]>([
  ['blank text between thinking and a call', [thinking('a'), text('\n\n'), call('B')], ['thinking(a)', 'B{}']],
  ['blank text at the end', [call('B'), text('\n'), text(' ')], ['B{}']],
  ['blank text at the start', [text('\n'), text('\n'), text('a')], ['text(\n\na)']],
  ['blanks within a text', [text('a'), text('\n\n'), text('b'), text('\n')], ['text(a\n\nb\n)']],
  ['empty thinking', [thinking(''), text('a')], ['text(a)']],
  ['blank thinking', [thinking('\n'), text('a')], ['text(a)']],
  ['blank text within thinking', [thinking('a'), text('\n'), thinking('b')], ['thinking(ab)']],
  ['text around a call', [text('a'), call('B'), text('c')], ['text(a)', 'B{}', 'text(c)']],
  ['nothing at all', [], ['text()']],
  ['nothing but blanks', [text('\n')], ['text()']],
  ['nothing but thinking', [thinking('a')], ['thinking(a)']],
])('%s', async (_, spoken, expected) => expect(await blocks(...spoken, finish())).toEqual(expected))

test.each<[Spoken[], string, string | null]>([
  [[text('a'), finish('stop')], 'end_turn', null],
  [[text('a'), finish('length')], 'max_tokens', null],
  [[text('a'), finish('window')], 'max_tokens', null],
  [[thinking('a'), finish('length')], 'max_tokens', null],
  [[text('a'), finish('stop', 'END')], 'stop_sequence', 'END'],
  [[call('A'), finish('stop')], 'tool_use', null],
  [[call('A'), finish('length')], 'tool_use', null],
])('stop reason %#', async (spoken, reason, sequence) => {
  expect(await message(...spoken)).toMatchObject({ stop_reason: reason, stop_sequence: sequence })
})

it('throws when the generation was cancelled or broke off', async () => {
  await expect(message(text('a'), finish('cancelled'))).rejects.toMatchObject({ code: 'cancelled' })
  await expect(message(text('a'))).rejects.toMatchObject({ code: 'internal' })
})

describe('stop sequences', () => {
  const run = async (sequences: string[], ...spoken: Spoken[]) => {
    let stops = 0
    const all = await collect(stopAtSequence(from([...spoken, finish('cancelled')]), sequences, () => stops++))
    const last = all.at(-1)
    return {
      text: all.map((part) => (part.type === 'text' ? part.text : '')).join(''),
      met: last?.type === 'finish' ? last.stopSequence : undefined,
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

  it('gives out at once what cannot become one', async () => {
    const parts = stopAtSequence(from([text('a\n'), text('b'), finish()]), ['\n\nHuman:'], () => {})
    expect((await parts.next()).value).toEqual(text('a'))
    expect((await parts.next()).value).toEqual(text('\nb'))
  })

  it('does not look into thinking or calls', async () => {
    expect(await run(['x'], thinking('x'), call('x', { x: 'x' }), text('a'))).toMatchObject({ text: 'a', stops: 0 })
  })
})

it('lets one call through when more are not wanted', async () => {
  let stops = 0
  const spoken = [text('a'), call('A'), text('b'), call('B'), finish('cancelled')]
  const all = await collect(stopAfterCall(from(spoken), () => stops++))
  expect(all.map((part) => part.type)).toEqual(['text', 'tool_call', 'finish'])
  expect(all.at(-1)).toMatchObject({ finish: { reason: 'stop', outputTokens: 7 } })
  expect(stops).toBe(1)
})
