/** Eight times as much of anything in a request takes about eight times as long, not sixty-four times. */
import { describe, expect, test } from 'vitest'
import { prepareBody } from '../../src/anthropic/prepare.js'
import { FAMILIES } from '../../src/chat/families.js'
import { templateFamily } from '../../src/chat/templates/template-family.js'
import { createTurnMemory } from '../../src/turn/turn-memory.js'
import { CHATML_TOKENS, HERMES } from '../support/chat-templates.js'
import { fakeTokenizer } from '../support/fake-tokenizer.js'

const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))
const text = (of = 'a') => ({ type: 'text', text: of })
const user = (content: unknown) => ({ role: 'user', content })
const calls = (count: number, id: (i: number) => string) => ({
  role: 'assistant',
  content: many(count, (i) => ({ type: 'tool_use', id: id(i), name: 't', input: {} })),
})
const results = (count: number, id: (i: number) => string) =>
  user(many(count, (i) => ({ type: 'tool_result', tool_use_id: id(i), content: 'a' })))
const tool = (i: number, more: object = {}) => ({ name: `t${i}`, input_schema: { type: 'object' }, ...more })

/** What a request has `n` of. */
const dimensions: Record<string, (n: number) => object> = {
  'messages of one role': (n) => ({ messages: many(n, () => user('a')) }),
  turns: (n) => ({ messages: many(n + 1, (i) => ({ role: i % 2 ? 'assistant' : 'user', content: 'a' })) }),
  'system messages': (n) => ({
    messages: [user('a'), ...many(n, () => ({ role: 'system', content: 'a' })), user('b')],
  }),
  'blocks of a user': (n) => ({ messages: [user(many(n, () => text()))] }),
  'blocks of the model': (n) => ({
    messages: [user('a'), { role: 'assistant', content: many(n, () => text()) }, user('b')],
  }),
  'system blocks': (n) => ({ system: many(n, () => text()), messages: [user('a')] }),
  'blocks of a result': (n) => ({
    messages: [
      user('a'),
      calls(1, () => 'c'),
      user([{ type: 'tool_result', tool_use_id: 'c', content: many(n, () => text()) }]),
    ],
  }),
  'other blocks': (n) => ({
    messages: [user(many(n, () => ({ type: 'search_result', title: 't', content: [text()] })))],
  }),
  'calls and results': (n) => ({ messages: [user('a'), calls(n, (i) => `c${i}`), results(n, (i) => `c${n - i - 1}`)] }),
  'calls of one id': (n) => ({ messages: [user('a'), calls(n, () => 'c'), results(n, () => 'c')] }),
  'calls without results': (n) => ({ messages: [user('a'), calls(n, (i) => `c${i}`), user('b')] }),
  'results without calls': (n) => ({ messages: [user('a'), results(n, (i) => `c${i}`)] }),
  'tools that come later': (n) => ({
    tools: many(n, (i) => tool(i, { defer_loading: true })),
    messages: [user(many(n, (i) => ({ type: 'tool_reference', tool_name: `t${i}` })))],
  }),
  tools: (n) => ({ tools: many(n, (i) => tool(i)), messages: [user('a')] }),
  'stop sequences': (n) => ({ stop_sequences: many(n, (i) => `${i % 1000}`), messages: [user('a')] }),
  'letters of a word': (n) => ({ messages: [user('a'.repeat(n * 20))] }),
}

const hermes = templateFamily({
  source: HERMES,
  path: '/x/chat_template.jinja',
  tokens: {},
  controls: CHATML_TOKENS,
})

const families = {
  ...FAMILIES,
  jinja: { render: hermes.render, callStart: () => [], thought: undefined },
}

describe.each(Object.entries(families))('%s', (_, family) => {
  const prompter = {
    family,
    tokenizer: { ...fakeTokenizer(), encodePrompt: (pieces: unknown[]) => new Int32Array(pieces.length) },
    memory: createTurnMemory(),
    thinking: 'auto' as const,
    window: 2 ** 30,
  }
  const time = (fields: object) => {
    const body = Buffer.from(JSON.stringify({ model: 'x', max_tokens: 1, ...fields }))
    // Of the processor: what else runs on the machine does not count.
    const before = process.cpuUsage()
    prepareBody(prompter, body)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1000
  }
  // A collection of garbage may fall into a measurement, but not into all of them.
  const ratio = (make: (n: number) => object) => {
    let least = Number.POSITIVE_INFINITY
    for (let tries = 0; tries < 5 && least > 25; tries++) {
      least = Math.min(least, time(make(6400)) / Math.max(1, time(make(800))))
    }
    return least
  }

  test.each(Object.entries(dimensions))('%s', (_, make) => {
    time(make(100))
    expect(ratio(make)).toBeLessThanOrEqual(25)
  })
})

test('a request of 32 MiB is prepared, whatever it is made of', () => {
  const prompter = {
    family: FAMILIES.gemma4 as (typeof FAMILIES)[string],
    tokenizer: { ...fakeTokenizer(), encodePrompt: (pieces: unknown[]) => new Int32Array(pieces.length) },
    memory: createTurnMemory(),
    thinking: 'auto' as const,
    window: 2 ** 30,
  }
  for (const name of ['messages of one role', 'turns', 'results without calls', 'calls of one id']) {
    const make = dimensions[name] as (n: number) => object
    const body = Buffer.from(JSON.stringify({ model: 'x', max_tokens: 1, ...make(150_000) }))
    expect(prepareBody(prompter, body).tokens.length, name).toBeGreaterThan(0)
  }
})
