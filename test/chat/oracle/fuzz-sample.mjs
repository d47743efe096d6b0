// Prints a sample of the fuzzer's texts as JSON, for make_goldens.py: short ones, whole characters only.
import { readFileSync } from 'node:fs'
import { readCorpus, seeded, textMaker } from './fuzz-texts.mjs'

const fixtures = ['gemma4-tiny', 'llama3-tiny'].map((name) =>
  JSON.parse(readFileSync(`test/fixtures/tokenizers/${name}/tokenizer.json`, 'utf8')),
)
const vocabulary = fixtures
  .flatMap(({ model }) => Object.keys(model.vocab))
  .map((token) => token.replaceAll(/[▁Ġ]/g, ' '))
const markers = fixtures.flatMap(({ added_tokens }) => added_tokens.map(({ content }) => content))
const make = textMaker(seeded(2026), { corpus: readCorpus(['src', 'native']), vocabulary, markers })

const texts = []
while (texts.length < 2000) {
  const text = make().slice(0, 400).toWellFormed()
  if (text !== '') texts.push(text)
}
console.log(JSON.stringify(texts))
