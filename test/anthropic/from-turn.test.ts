/** Parts become events in Anthropic's order, and events one message. */
import { describe, expect, it, test } from 'vitest'
import { fold, foldText } from '../../src/anthropic/fold.js'
import { toEvents } from '../../src/anthropic/from-turn.js'
import type { MessageEvent } from '../../src/anthropic/types.js'
import type { GeneratedPart } from '../../src/turn/read-answer.js'
import { toTurnParts } from '../../src/turn/turn-parts.js'
import type { TurnPart } from '../../src/turn/types.js'
import { call, collect, end, from, text, thinking } from '../support/generated-parts.js'

async function* started(parts: AsyncIterable<TurnPart>): AsyncGenerator<TurnPart> {
  yield { type: 'start', model: 'm', stream: true, promptTokens: 10 }
  yield* parts
}

const events = (...generated: GeneratedPart[]) =>
  collect(toEvents(started(toTurnParts(from(generated), 'toolu_')), { id: 'msg_1' }))
const message = async (...generated: GeneratedPart[]) => fold(from(await events(...generated)))

/** Blocks as words: `text(…)`, `thinking(…)`, `Name{…}`. */
async function blocks(...generated: GeneratedPart[]): Promise<string[]> {
  const { content } = await message(...generated)
  return content.map((block) => {
    if (block.type === 'tool_use') return block.name + JSON.stringify(block.input)
    return block.type === 'text' ? `text(${block.text})` : `thinking(${block.thinking})`
  })
}

describe('the event stream', () => {
  it('has Anthropic’s order and fields', async () => {
    const seen = await events(thinking('hm'), thinking('.'), text('Hi'), call('Read', { path: 'a' }), end())
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
      usage: { input_tokens: 1, cache_creation_input_tokens: 5, cache_read_input_tokens: 4, output_tokens: 7 },
    })
  })

  test.each([
    // prompt, cached, created -> input, creation, read
    ['of a new prompt', 10, 0, 0, [10, 0, 0]],
    ['of one that is kept whole', 10, 0, 10, [1, 9, 0]],
    ['of one that goes on', 10, 6, 3, [1, 3, 6]],
    ['of one whose end is not kept', 10, 6, 1, [3, 1, 6]],
    ['of one that was known but for its last token', 10, 9, 1, [1, 0, 9]],
    ['of one token', 1, 0, 1, [1, 0, 0]],
  ])('counts the input %s as three parts of the prompt, with an input of at least 1', async (_, ...counts) => {
    const [promptTokens, cachedTokens, createdTokens, expected] = counts
    const parts: TurnPart[] = [
      { type: 'start', model: 'm', stream: true, promptTokens },
      {
        type: 'finish',
        reason: 'end',
        cachedTokens,
        createdTokens,
        thinkingTokens: 0,
        queueSeconds: 0,
        tokensPerSecond: null,
        outputTokens: 1,
      },
    ]
    const seen = await collect(toEvents(from(parts), { id: 'msg_1' }))
    const usages = seen.flatMap((event) =>
      event.type === 'message_start' ? [event.message.usage] : event.type === 'message_delta' ? [event.usage] : [],
    )
    const [start, end] = usages.map((usage) => [
      usage.input_tokens,
      usage.cache_creation_input_tokens,
      usage.cache_read_input_tokens,
    ])
    // What is reused is not known when the message starts.
    expect([start, end]).toEqual([[promptTokens, 0, 0], expected])
  })

  it('begins before the part after the start is asked for', async () => {
    const never: AsyncIterable<TurnPart> = {
      [Symbol.asyncIterator]: () => {
        throw new Error('asked too early')
      },
    }
    const first = await toEvents(started(never), { id: 'msg_1' }).next()
    expect(first.value).toMatchObject({ type: 'message_start' })
  })

  it('sends an empty input as a delta, and a large one in pieces that hold whole characters', async () => {
    const pieces = (seen: MessageEvent[]) =>
      seen.flatMap((e) =>
        e.type === 'content_block_delta' && e.delta.type === 'input_json_delta' ? [e.delta.partial_json] : [],
      )
    expect(pieces(await events(call('A'), end()))).toEqual(['{}'])
    const input = { text: 'x🍍'.repeat(5000) }
    const large = pieces(await events(call('A', input), end()))
    expect(large.length).toBeGreaterThan(10)
    for (const piece of large) expect(piece).not.toMatch(/[\ud800-\udbff]$/)
    expect(JSON.parse(large.join(''))).toEqual(input)
  })

  it('gives every call an id of its own', async () => {
    const { content } = await message(call('A'), call('A'), end())
    expect(new Set(content.map((block) => block.type === 'tool_use' && block.id)).size).toBe(2)
  })
})

test.each<[string, GeneratedPart[], string[]]>([
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
])('the blocks of an answer with %s', async (_, generated, expected) =>
  expect(await blocks(...generated, end())).toEqual(expected),
)

test.each<[GeneratedPart[], string, string | null]>([
  [[text('a'), end('stop')], 'end_turn', null],
  [[text('a'), end('length')], 'max_tokens', null],
  [[text('a'), end('window')], 'max_tokens', null],
  [[thinking('a'), end('length')], 'max_tokens', null],
  [[text('a'), end('stop', 'END')], 'stop_sequence', 'END'],
  [[call('A'), end('stop')], 'tool_use', null],
  [[call('A'), end('length')], 'tool_use', null],
])('the stop reason of answer %#', async (generated, reason, sequence) => {
  expect(await message(...generated)).toMatchObject({ stop_reason: reason, stop_sequence: sequence })
})

it('an answer whose generation was cancelled or ended without a finish throws', async () => {
  await expect(message(text('a'), end('cancelled'))).rejects.toMatchObject({ code: 'cancelled' })
  await expect(message(text('a'))).rejects.toMatchObject({ code: 'internal' })
})

it('numbers that JavaScript would round keep their digits, streamed or not', async () => {
  const json = '{"id":12345678901234567890}'
  const exact: GeneratedPart = { type: 'tool_call', name: 'A', input: JSON.parse(json), json }
  const seen = await events(text('a'), exact, end())
  expect(JSON.stringify(seen)).toContain(JSON.stringify(json))
  const whole = await foldText(from(seen))
  expect(whole).toContain(`"input":${json}`)
  expect(JSON.parse(whole)).toEqual(await fold(from(seen)))
})
