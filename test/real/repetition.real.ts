/** What a real vocabulary makes of texts that repeat themselves because they should, and of a loop. */
import { describe, expect, test } from 'vitest'
import { loadBinding } from '../../src/binding.js'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'
import { CACHE, folderOf, MODELS } from '../support/real-models.js'
import { repetitiveTexts } from '../support/repetitive-texts.mjs'

describe.skipIf(!CACHE)('the loop guard', () => {
  test.each(MODELS)('leaves repetitive texts in tokens of %s alone, and ends loops', async (model) => {
    const tokenizer = await loadTokenizer(folderOf(model))
    const { loopAt } = loadBinding()
    const tokens = (text: string) => tokenizer.encode(text, { special: false })
    const loops = Object.entries(repetitiveTexts()).flatMap(([name, text]) =>
      [false, true].map((inCall) => ({ name, inCall, tokens: tokens(text).length, at: loopAt(tokens(text), inCall) })),
    )
    expect(loops.filter(({ at }) => at >= 0)).toEqual([])
    expect(loopAt(tokens('I will read the file again, and then I will read it. '.repeat(400)), false)).toBeGreaterThan(
      0,
    )
  })
})
