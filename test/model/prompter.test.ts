/** The prompter of another thread: it encodes once what the last session began with. */
import { expect, test } from 'vitest'
import { readCheckpoint } from '../../src/engine/checkpoint.js'
import { rehearse } from '../../src/model/prompter.js'
import { readModel } from '../../src/model/read-model.js'

const { tokenizer } = await readModel(await readCheckpoint('demo/model'))

function watched() {
  const encoded: number[][] = []
  const encodePrompt: typeof tokenizer.encodePrompt = (pieces) => {
    const ids = tokenizer.encodePrompt(pieces)
    encoded.push([...ids])
    return ids
  }
  return { stream: tokenizer.stream, encodePrompt, encoded }
}

test('a beginning is encoded to the tokens that it has', () => {
  const [control = ''] = tokenizer.controls
  const prompt = tokenizer.encodePrompt([{ control }, 'You are a café. '.repeat(80), { control }, 'Hello 👋'])
  const model = watched()
  rehearse(model, prompt)
  expect(model.encoded).toEqual([[...prompt]])
})

test.each([[undefined], [Int32Array.of(-1)], [Int32Array.of(2 ** 30, 5)]])('%j does no harm', (prompt) => {
  expect(() => rehearse(watched(), prompt)).not.toThrow()
})
