// Gemma 4's vocabulary, made of Gemma 3's.
import { readFileSync } from 'node:fs'

const tiny = new URL('../test/fixtures/tokenizers/gemma4-tiny/tokenizer.json', import.meta.url)

/** Gemma 4 has Gemma 3's vocabulary with other control tokens: these replace unused tokens. -> a tokenizer.json */
export function gemma4Vocabulary(gemma3File) {
  const json = JSON.parse(readFileSync(gemma3File, 'utf8'))
  const unused = json.added_tokens.filter(({ content }) => /^<unused\d+>$/.test(content))
  for (const { content } of JSON.parse(readFileSync(tiny, 'utf8')).added_tokens) {
    if (!content.includes('|') || content in json.model.vocab) continue
    const token = unused.pop()
    delete json.model.vocab[token.content]
    json.model.vocab[content] = token.id
    token.content = content
    token.special = true
  }
  return json
}
