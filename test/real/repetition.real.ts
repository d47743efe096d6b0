/** What a real vocabulary makes of texts that repeat themselves because they should, and of loops. */
import { describe, expect, test } from 'vitest'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'
import { loopsAmong, loopsAmongAsked, ordinaryEnds } from '../support/loops.js'
import { CACHE, folderOf, MODELS } from '../support/real-models.js'
import { LOOPS } from '../support/repetition-requests.mjs'
import { repetitiveTexts } from '../support/repetitive-texts.mjs'

describe.skipIf(!CACHE)('the loop guard, in tokens of', () => {
  test.each(MODELS)('%s, leaves repetitive texts alone', async (model) => {
    expect(loopsAmong(await loadTokenizer(folderOf(model)), repetitiveTexts())).toEqual([])
  })

  test.each(MODELS)('%s, leaves what was asked for alone', async (model) => {
    expect(loopsAmongAsked(await loadTokenizer(folderOf(model)))).toEqual([])
  })

  test.each(MODELS)('%s, notices loops, whatever numbers the request has', async (model) => {
    const tokenizer = await loadTokenizer(folderOf(model))
    expect(Object.keys(LOOPS).flatMap((name) => ordinaryEnds(tokenizer, name))).toEqual([])
  })
})
