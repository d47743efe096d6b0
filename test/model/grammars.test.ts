/** What is remembered of the grammars of a model. */
import { expect, test } from 'vitest'
import { TetherError } from '../../src/errors.js'
import { openGrammars } from '../../src/model/grammars.js'

function opened(compileGrammar: (source: string) => Promise<string[]>) {
  const asked: string[] = []
  const engine = {
    info: { vocabSize: 0 } as never,
    setVocabulary: () => {},
    compileGrammar: (source: string) => {
      asked.push(source)
      return compileGrammar(source)
    },
  }
  const tokenizer = { bytes: () => undefined, id: () => undefined }
  const stopTokens = new Int32Array(0)
  return { asked, grammars: openGrammars({ engine, tokenizer, family: {}, stopTokens, constrain: 'always' }) }
}

test('the tools of a request are compiled once, however many it has', async () => {
  const { asked, grammars } = opened(async (source) => [`of ${source}`])
  const tools = Array.from({ length: 200 }, (_, i) => `tool ${i}`)
  for (let times = 0; times < 3; times += 1)
    for (const tool of tools) expect(await grammars.compile(tool)).toEqual([`of ${tool}`])
  expect(asked).toEqual(tools)
})

test('a grammar that failed is not compiled again, and fails with the same words', async () => {
  const { asked, grammars } = opened(async () => {
    throw new TetherError('invalid_request', 'a fault')
  })
  for (let times = 0; times < 2; times += 1)
    await expect(grammars.compile('one')).rejects.toMatchObject({ code: 'invalid_request', message: 'a fault' })
  expect(asked).toEqual(['one'])
  expect([grammars.hasFailed('one'), grammars.hasFailed('two')]).toEqual([true, false])
})

test('a grammar that nobody waited for is compiled when it is asked for again', async () => {
  let isGone = true
  const { asked, grammars } = opened(async () => {
    if (isGone) throw new TetherError('cancelled', 'gone')
    return []
  })
  await expect(grammars.compile('one')).rejects.toMatchObject({ code: 'cancelled' })
  isGone = false
  expect(await grammars.compile('one')).toEqual([])
  expect(asked).toHaveLength(2)
})

test('of many grammars the last ones are remembered', async () => {
  const { asked, grammars } = opened(async () => [])
  for (let i = 0; i < 5000; i += 1) await grammars.compile(`${i}`)
  await grammars.compile('4999')
  expect(asked).toHaveLength(5000)
  await grammars.compile('0')
  expect(asked).toHaveLength(5001)
})
