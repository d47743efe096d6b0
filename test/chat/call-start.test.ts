import { describe, expect, test } from 'vitest'
import { FORMATS } from '../../src/chat/families.js'
import type { OutputFormat, Part } from '../../src/chat/types.js'

const taught = {
  any: 'Read", "arguments": {"file_path": "a"}}\n```',
  tool: '{"file_path": "a"}}\n```',
}

/** What the model writes after the beginning that the prompt gives it. */
const REST: Record<string, { any: string; tool: string }> = {
  gemma4: { any: 'Read{file_path:"a"}', tool: 'file_path:"a"}' },
  gemma3: taught,
  gemma2: taught,
  llama2: taught,
  taught,
  hermes: {
    any: 'Read", "arguments": {"file_path": "a"}}\n</tool_call>',
    tool: '{"file_path": "a"}}\n</tool_call>',
  },
  mistral: { any: 'Read", "arguments": {"file_path": "a"}}]', tool: '{"file_path": "a"}}]' },
  llama3: { any: 'Read", "parameters": {"file_path": "a"}}', tool: '{"file_path": "a"}}' },
}

function read(family: OutputFormat, tool: string | undefined, rest: string): Part[] {
  const reader = family.reader({ tools: [{ name: 'Read', description: '', schema: {} }] })
  return [...family.callStart(tool).flatMap((piece) => reader.push(piece)), ...reader.push(rest), ...reader.end('stop')]
}

describe.each(Object.entries(FORMATS))('%s', (name, family) => {
  test.each([
    [undefined, 'any'],
    ['Read', 'tool'],
  ] as const)('an answer that begins as a call of %s is read as that call', (tool, kind) => {
    const parts = read(family, tool, REST[name]?.[kind] ?? '')
    expect(parts).toEqual([{ type: 'tool_call', name: 'Read', input: { file_path: 'a' } }])
  })

  test('an answer that begins as a call and never ends is text', () => {
    const parts = read(family, 'Read', '')
    expect(parts.map((part) => part.type)).toEqual(parts.map(() => 'text'))
  })
})
