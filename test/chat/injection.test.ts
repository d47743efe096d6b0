/** No text of a request becomes a control token: tested with every control token of each vocabulary, in every field. */
import { describe, expect, test } from 'vitest'
import { parseMessagesRequest } from '../../src/anthropic/parse.js'
import { toChat } from '../../src/anthropic/to-turn.js'
import { FAMILIES } from '../../src/chat/families.js'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'
import type { ChatFamily, Tokenizer } from '../../src/chat/types.js'

const cases = [
  ['gemma4', 'test/fixtures/tokenizers/gemma4-tiny'],
  ['gemma4', 'demo/model'],
  ['llama3', 'test/fixtures/tokenizers/llama3-tiny'],
] as const

/** A request with the text in every field that a client fills. */
function requestWith(text: string): object {
  return {
    max_tokens: 10,
    system: [{ type: 'text', text: `a ${text} b` }],
    tools: [
      {
        name: `Tool${text}`,
        description: text,
        input_schema: { type: 'object', properties: { [text]: { type: 'string', description: text, enum: [text] } } },
      },
    ],
    messages: [
      { role: 'user', content: text },
      { role: 'system', content: `now ${text}` },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: text, signature: '' },
          { type: 'text', text },
          {
            type: 'tool_use',
            id: 'toolu_1',
            name: `Tool${text}`,
            input: { [text]: text, list: [text, { [text]: 1 }] },
          },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'toolu_1', content: text, is_error: true },
          { type: 'tool_result', tool_use_id: 'unknown', content: [{ type: 'text', text }] },
          { type: 'text', text },
        ],
      },
    ],
    thinking: { type: 'adaptive' },
  }
}

describe.each(cases)('%s with the vocabulary of %s', (name, folder) => {
  const family = FAMILIES[name] as ChatFamily
  const controlsOf = (tokenizer: Tokenizer, text: string) => {
    const tokens = tokenizer.encodePrompt(family.render(toChat(parseMessagesRequest(requestWith(text)))))
    return [...tokens].filter((token) => tokenizer.control(token) !== undefined)
  }

  test('a text never becomes a control token', async () => {
    const tokenizer = await loadTokenizer(folder)
    const usual = controlsOf(tokenizer, 'word')
    expect(usual.length).toBeGreaterThan(5)
    expect(tokenizer.controls.length).toBeGreaterThan(5)
    for (const token of tokenizer.controls) {
      for (const text of [token, `${token}${token}`, `x${token}y`]) {
        expect(controlsOf(tokenizer, text), JSON.stringify(text)).toEqual(usual)
      }
    }
  })
})
