/** A recorded Claude Code conversation: each prompt begins with the one before it, token for token. Needs the recording. */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseMessagesRequest } from '../../src/anthropic/parse.js'
import { toChat } from '../../src/anthropic/to-turn.js'
import { FAMILIES } from '../../src/chat/families.js'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'
import type { ChatFamily } from '../../src/chat/types.js'

const recording = '../shared/recordings/notes.jsonl'

describe.runIf(existsSync(recording))('15 recorded requests of one conversation', () => {
  const requests = existsSync(recording) ? readFileSync(recording, 'utf8').trim().split('\n') : []

  test.each([
    ['gemma4', 'test/fixtures/tokenizers/gemma4-tiny'],
    ['gemma4', 'demo/model'],
    ['gemma3', 'test/fixtures/tokenizers/gemma4-tiny'],
    ['llama3', 'test/fixtures/tokenizers/llama3-tiny'],
  ])('%s with %s: each prompt begins with all tokens of the one before it', async (name, folder) => {
    const tokenizer = await loadTokenizer(folder)
    const family = FAMILIES[name] as ChatFamily
    const marks = new Map(['<start_of_turn>', '<end_of_turn>'].map((token) => [token, tokenizer.id(token)]))
    let before: Int32Array = new Int32Array(0)
    for (const [i, line] of requests.entries()) {
      const pieces = family.render(toChat(parseMessagesRequest(JSON.parse(line))))
      // These vocabularies are not Gemma 3's, so its turns get the markers that they have.
      const known = pieces.map((piece) =>
        typeof piece === 'object' &&
        'control' in piece &&
        marks.has(piece.control) &&
        marks.get(piece.control) === undefined
          ? { control: piece.control === '<start_of_turn>' ? '<|turn>' : '<turn|>' }
          : piece,
      )
      const prompt = tokenizer.encodePrompt(known)
      const shared = before.findIndex((token, at) => token !== prompt[at])
      expect(shared, `request ${i} diverges from the one before at token ${shared} of ${before.length}`).toBe(-1)
      expect(prompt.length).toBeGreaterThan(before.length)
      before = prompt
    }
    expect(requests).toHaveLength(15)
  })
})
