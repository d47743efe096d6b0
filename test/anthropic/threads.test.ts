/** Conversations that are held: what a request that continues one becomes, and what is dropped. */
import { describe, expect, it } from 'vitest'
import { UnknownThread } from '../../src/anthropic/errors.js'
import { createThreads, type ThreadBounds, type Threads } from '../../src/anthropic/threads.js'
import type { MessageEvent } from '../../src/anthropic/types.js'

const says = (text: string) => ({ role: 'user', content: text })
const create = (text: string, more: object = {}) => ({ thread: { type: 'create' }, messages: [says(text)], ...more })
const resume = (id: string, text: string, more: object = {}) => ({
  thread: { type: 'continue', previous_message_id: id },
  messages: [says(text)],
  ...more,
})
const bytes = (value: object) => {
  const whole = Buffer.from(JSON.stringify(value))
  return { length: whole.length, whole: () => whole }
}

/** The events of an answer with one text, or of one that breaks off. */
async function* answer(id: string, text: string, isWhole = true): AsyncGenerator<MessageEvent, void, undefined> {
  const usage = { input_tokens: 1, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 1 }
  const stop = { stop_reason: null, stop_sequence: null }
  const message = { id, type: 'message' as const, role: 'assistant' as const, model: 'm', content: [], ...stop, usage }
  yield { type: 'message_start', message }
  yield { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }
  yield { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }
  if (!isWhole) throw new Error('broke off')
  yield { type: 'content_block_stop', index: 0 }
  yield { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage }
  yield { type: 'message_stop' }
}

/** Sends a request, which is answered by `reply` under `id`. -> the whole request */
async function send(threads: Threads, body: object, id: string, reply = 'ok') {
  const held = threads.hold(bytes(body))
  if (!held) throw new Error('no thread')
  for await (const event of held.keep(answer(id, reply))) void event
  return JSON.parse(Buffer.from(held.body).toString()) as { messages: { content: unknown }[] }
}

const saidIn = ({ messages }: { messages: { content: unknown }[] }) =>
  messages.map(({ content }) => (typeof content === 'string' ? content : (content as { text: string }[])[0]?.text))

describe('a thread', () => {
  it('is the whole conversation, with the system prompt and the tools of its first request', async () => {
    const threads = createThreads()
    const once = { system: 'be brief', tools: [{ name: 'Read' }] }
    await send(threads, create('one', once), 'a', 'first')
    await send(threads, resume('a', 'two'), 'b', 'second')
    const whole = await send(threads, resume('b', 'three', { max_tokens: 5 }), 'c')
    expect(whole).toMatchObject({ max_tokens: 5, ...once })
    expect(whole).not.toHaveProperty('thread')
    expect(saidIn(whole)).toEqual(['one', 'first', 'two', 'second', 'three'])
  })

  it('is no matter of requests without one, also where they have the word', () => {
    const threads = createThreads()
    expect(threads.hold(bytes({ messages: [says('x')] }))).toBeUndefined()
    expect(threads.hold(bytes({ messages: [says('x')], tools: [{ thread: 1 }], thread: null }))).toBeUndefined()
    expect(threads.hold(bytes({ messages: [says('"thread"')] }))).toBeUndefined()
  })

  it('is continued from its newest answer alone', async () => {
    const threads = createThreads()
    await send(threads, create('one'), 'a')
    await send(threads, resume('a', 'two'), 'b')
    expect(() => threads.hold(bytes(resume('a', 'again')))).toThrow(UnknownThread)
  })

  it('stays where it was if an answer breaks off or its reader leaves', async () => {
    const threads = createThreads()
    await send(threads, create('one'), 'a')
    const broken = threads.hold(bytes(resume('a', 'two')))?.keep(answer('b', 'half', false))
    await expect(async () => {
      for await (const event of broken ?? []) void event
    }).rejects.toThrow('broke off')
    for await (const event of threads.hold(bytes(resume('a', 'two')))?.keep(answer('c', 'left')) ?? []) {
      if (event.type === 'content_block_delta') break
    }
    expect(saidIn(await send(threads, resume('a', 'two'), 'd'))).toEqual(['one', 'ok', 'two'])
  })

  it.each([
    ['thread.type', { thread: { type: 'other' }, messages: [] }],
    ['thread', { thread: 'create', messages: [] }],
    ['thread.previous_message_id', { thread: { type: 'continue' }, messages: [] }],
    ['messages', { thread: { type: 'create' }, messages: 'x' }],
  ])('that is asked for in a wrong way is refused, naming %s', (field, body) => {
    expect(() => createThreads().hold(bytes(body))).toThrow(expect.objectContaining({ code: 'invalid_request', field }))
  })

  it('has no other system prompt and tools than its first request', async () => {
    const threads = createThreads()
    await send(threads, create('one'), 'a')
    expect(() => threads.hold(bytes(resume('a', 'two', { tools: [] })))).toThrow(
      /^tools: a thread has those of its first/,
    )
  })
})

describe('what is held', () => {
  const held = async (bounds: ThreadBounds, sizes: number[]) => {
    const threads = createThreads(bounds)
    for (const [i, size] of sizes.entries()) await send(threads, create('x'.repeat(size)), `msg${i}`)
    return sizes.flatMap((_, i) => {
      try {
        threads.hold(bytes(resume(`msg${i}`, 'more')))
        return [i]
      } catch (error) {
        expect(error).toBeInstanceOf(UnknownThread)
        return []
      }
    })
  }

  it('are at most so many conversations, the newest', async () => {
    expect(await held({ mostThreads: 2 }, [1, 1, 1])).toEqual([1, 2])
  })

  it('is bounded by its size, and one that is larger than all may be drops no other', async () => {
    expect(await held({ mostBytes: 50_000 }, [10_000, 10_000, 10_000])).toEqual([1, 2])
    expect(await held({ mostBytes: 50_000 }, [10_000, 30_000])).toEqual([0])
  })

  it('is none of a request of more than a megabyte, which is parsed elsewhere', () => {
    expect(createThreads().hold(bytes(create('x'.repeat(2 ** 20))))).toBeUndefined()
  })
})
