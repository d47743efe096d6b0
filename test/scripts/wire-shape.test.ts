/** npm run wire: what a client sends, as lines without any text of a prompt, and what differs between two versions. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '..', '..')
const { diffLines, wireShape } = await import(join(root, 'scripts/wire-shape.mjs'))

const SECRET = 'A secret of /home/somebody, said to the model.'
const tool = {
  name: 'Bash',
  description: SECRET,
  input_schema: {
    type: 'object',
    properties: { command: { type: 'string', description: SECRET }, kind: { enum: ['a', 'b'] } },
    required: ['command'],
  },
}
const request = (more: object = {}, headers: object = {}) => ({
  method: 'POST',
  url: '/v1/messages?beta=true',
  headers: { host: '127.0.0.1:5123', 'user-agent': 'claude-cli/2.1.330 (external, sdk-cli)', ...headers },
  body: {
    model: 'demo',
    max_tokens: 8192,
    thinking: { type: 'adaptive' },
    metadata: { user_id: SECRET },
    system: [{ type: 'text', text: SECRET, cache_control: { type: 'ephemeral' } }],
    messages: [
      { role: 'user', content: SECRET },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: SECRET }] },
    ],
    tools: [tool],
    ...more,
  },
  status: 200,
})

describe('the shape of requests', () => {
  test('names endpoints, headers, betas, fields, blocks, tools and their inputs', () => {
    const lines = wireShape([request({}, { 'anthropic-beta': 'one-2026-01-01,two-2026-01-01', authorization: SECRET })])
    expect(lines).toEqual([
      'print POST /v1/messages?beta=true',
      'print beta one-2026-01-01',
      'print beta two-2026-01-01',
      'print body field max_tokens: number',
      'print body field metadata: { user_id: string }',
      'print body field model: demo',
      'print body field thinking: { type: adaptive }',
      'print body message user: text as a string',
      'print body message user: tool_result(content: string, tool_use_id)',
      'print body system text(cache_control: { type: ephemeral }, text)',
      'print body tool Bash input command: string',
      'print body tool Bash input kind?: "a" | "b"',
      'print body tool Bash input: type',
      'print body tool Bash(description)',
      'print header authorization',
      'print header user-agent',
    ])
  })

  test('tells a terminal, a subagent and others apart', () => {
    const agents = [
      { 'user-agent': 'claude-cli/2.1.330 (external, cli)' },
      { 'x-claude-code-agent-id': 'a1' },
      { 'user-agent': 'Bun/1.2' },
    ]
    const senders = agents.map((headers) => wireShape([request({}, headers)])[0].split(' ')[0])
    expect(senders).toEqual(['terminal', 'subagent', 'other'])
  })

  test('has no text that was sent, whatever the field', () => {
    const odd = { system: SECRET, other: [SECRET, { deep: SECRET }], output_config: { effort: SECRET } }
    const lines = wireShape([
      request(odd),
      request({ messages: [{ role: 'user', content: [{ type: 'x', y: SECRET }] }] }),
    ])
    expect(lines.join('\n')).not.toMatch(/secret|somebody/i)
  })

  test('that is kept has no long words, such as those of a description', () => {
    const kept = readFileSync(join(root, 'test/e2e/wire.txt'), 'utf8').trimEnd().split('\n')
    expect(kept.length).toBeGreaterThan(100)
    expect(kept).toEqual([...kept].sort())
    // An input that may be one of many words is the longest.
    expect(kept.filter((line) => line.length > 400)).toEqual([])
  })
})

test('a difference names what went and what came', () => {
  const now = wireShape([request({ effort: 'high', max_tokens: undefined, tools: [] })])
  const lines = diffLines(wireShape([request({ tools: [] })]), now)
  expect(lines).toEqual([
    '- print body field max_tokens: number',
    '+ print body field effort: high',
    '+ print body field max_tokens: undefined',
  ])
  expect(diffLines(now, now)).toEqual([])
})
