/** Names of tools that JSON writes with escapes, as models trained on ASCII alone write them. */
import { describe, expect, test } from 'vitest'
import { FORMATS } from '../../src/chat/families.js'
import type { OutputFormat, Part } from '../../src/chat/types.js'

const NAMES = ['größe', '日本語', '😀', 'a\nb', 'tab\there', '\u0000', '\ud800', 'a"b', 'a\\b', 'a/b']

/** All but plain ASCII as `\uXXXX`, as Python's json.dumps writes it. */
function ascii(name: string): string {
  const units = JSON.stringify(name).split('')
  return units.map((one) => (one < '\x7f' ? one : `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)).join('')
}

function written(format: string, name: string): string {
  const key = format === 'llama3' ? 'parameters' : 'arguments'
  const call = `{"name": ${name}, "${key}": {"n": 1}}`
  if (format === 'llama3') return call
  return format === 'hermes' ? `<tool_call>\n${call}\n</tool_call>` : `\`\`\`tool_call\n${call}\n\`\`\``
}

function read(format: string, text: string, tool: string): Part[] {
  const tools = [{ name: tool, description: '', schema: { type: 'object' } }]
  const reader = (FORMATS[format] as OutputFormat).reader({ tools })
  return [...text.split('').flatMap((char) => reader.push(char)), ...reader.end('stop')]
}

describe.each(['llama3', 'gemma3', 'hermes'])('a call as %s writes it', (format) => {
  test.each(NAMES.flatMap((name) => [JSON.stringify(name), ascii(name)].map((json) => [json, name])))(
    'of the tool %s is read',
    (json, name) => {
      expect(read(format, written(format, json), name)).toEqual([{ type: 'tool_call', name, input: { n: 1 } }])
    },
  )

  test.each(['"anb"', '"a\\u006"', '"a\\u00zz"', '"a\\u"'])('of the name %s is none of the tool "a\\nb"', (json) => {
    const text = written(format, json)
    const parts = read(format, text, 'a\nb')
    expect(parts.map((part) => (part.type === 'text' ? part.text : 'a call')).join('')).toBe(text)
  })

  test('of a name that only looks like the tool behind its backslash is none', () => {
    expect(read(format, written(format, '"a\\nb"'), 'anb').map(({ type }) => type)).not.toContain('tool_call')
  })
})
