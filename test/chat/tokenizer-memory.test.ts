/** Prompts that extend, change and share earlier ones: the memory of earlier prompts changes no id. */
import { expect, test } from 'vitest'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'
import type { Piece } from '../../src/chat/types.js'
import { randomText, seeded } from '../support/chat-random.js'

const FILES = ['gemma4-tiny', 'llama3-tiny', 'llama2-tiny', 'mistral7b-tiny']

test.each(FILES)('%s: the ids of a prompt do not depend on the prompts before it', async (name) => {
  const dir = `test/fixtures/tokenizers/${name}`
  const tokenizer = await loadTokenizer(dir)
  const control = [...Array(tokenizer.vocabSize).keys()].map((id) => tokenizer.control(id)).find(Boolean) as string
  const random = seeded(4)
  let text = ''
  const pieces: Piece[] = []
  for (let turn = 0; turn < 60; turn += 1) {
    // Long texts, so that they are cut. Each turn extends one, changes one or adds one.
    const added = Array.from({ length: random.below(30) }, () => randomText(random, 40)).join(
      random.pick(['', ' ', '\n', 'a b']),
    )
    const kind = random.below(4)
    if (kind === 0) text = added
    else if (kind === 1) text += added
    else if (kind === 2) text = text.slice(0, random.below(text.length + 1)) + added
    else text = added.slice(0, 5) + text
    pieces.push(text, { control }, random.pick(['', added, text.slice(5)]))
    if (pieces.length > 12) pieces.splice(0, 3)
    // Of Mistral's, a text's first word depends on whether it begins the prompt.
    const alone = name === 'mistral7b-tiny' ? await loadTokenizer(dir) : undefined
    const expected = alone
      ? [...alone.encodePrompt(joined(pieces))]
      : joined(pieces).flatMap((piece) =>
          typeof piece === 'string' ? [...tokenizer.encode(piece, { special: false })] : [tokenizer.id(piece.control)],
        )
    expect([...tokenizer.encodePrompt(pieces)], JSON.stringify(pieces)).toEqual(expected)
  }
})

/** Joins neighbouring strings. */
function joined(pieces: Piece[]): Piece[] {
  const result: Piece[] = []
  for (const piece of pieces) {
    const last = result.at(-1)
    if (typeof piece === 'string' && typeof last === 'string') result[result.length - 1] = last + piece
    else result.push(piece)
  }
  return result
}
