/** Real tokenizers give the ids that PyPI's `tokenizers` gives, and a real chat template the prompt of transformers. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hasTemplate } from '../../src/chat/families.js'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'
import type { ChatMessage } from '../../src/chat/types.js'
import { readCheckpoint } from '../../src/engine/checkpoint.js'
import { readModel } from '../../src/model/read-model.js'
import { CACHE, folderOf, idsOfTokenizers, MODELS, realGolden } from '../support/real-models.js'

/** Pages and code of this repository, and many characters: SmolLM2 has no token for 21 bytes, which are left out. */
function texts(): string[] {
  const files = readdirSync('src', { recursive: true }).map(String)
  const code = files.filter((file) => file.endsWith('.ts')).map((file) => readFileSync(join('src', file), 'utf8'))
  return [
    ...[...code, readFileSync('test/real/english.txt', 'utf8')].flatMap((text) => text.split('\n\n')),
    ...Array.from({ length: 0x3000 }, (_, code) => `a${String.fromCodePoint(code)}1 `),
    '\u{10ffff}\u{40000}x',
    'Привет, 世界! 12345 ½ 🙂',
  ]
}

describe.skipIf(!CACHE)('the tokens', () => {
  test.each(MODELS)('of %s are those of tokenizers', async (model) => {
    const tokenizer = await loadTokenizer(folderOf(model))
    const all = texts()
    const ids = idsOfTokenizers(model, all)
    const differ = all.filter((text, i) => tokenizer.encode(text, { special: true }).join() !== ids[i]?.join())
    expect(all.length).toBeGreaterThan(12_000)
    expect(differ).toEqual([])
  })

  test.each(MODELS)('of prompts of %s are those of transformers', async (model) => {
    const { tokenizer, family } = await readModel(await readCheckpoint(folderOf(model)))
    const written = (text: string) => {
      if (!hasTemplate(family)) return [...tokenizer.prefix, ...tokenizer.encode(text, { special: true })]
      const messages: ChatMessage[] = [{ role: 'user', parts: [{ type: 'text', text }] }]
      return [...tokenizer.encodePrompt(family.render({ messages, tools: [], thinking: false }))]
    }
    const { prompts } = realGolden(model)
    expect(prompts).toHaveLength(20)
    for (const { text, ids } of prompts) expect(written(text), text).toEqual(ids)
  })
})
