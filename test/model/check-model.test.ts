/** checkModel parses a tokenizer once, however many checkpoints have the same, and takes no other for it. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openTokenizer } from '../../src/chat/tokenizer/load.js'
import { readCheckpoint } from '../../src/engine/checkpoint.js'
import { checkModel, type KnownTokenizers } from '../../src/model/read-model.js'
import { writeModel } from '../support/model-folders.js'

let base: string
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'tether-check-'))
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

const sentencePiece = 'test/fixtures/tokenizers/spm-bpe'
const copyOf = (name: string) => {
  cpSync(sentencePiece, join(base, name), { recursive: true })
  return join(base, name)
}
const keyOf = async (folder: string, below?: number) => (await openTokenizer(folder, { below })).key

test('a tokenizer that another checkpoint has too is parsed once', async () => {
  const [one, other] = ['one', 'other'].map((name) => writeModel(join(base, name))) as [string, string]
  const known: KnownTokenizers = new Map()
  await checkModel(await readCheckpoint(one), known)
  await checkModel(await readCheckpoint(other), known)
  expect([...known.values()]).toEqual([expect.arrayContaining(['<|eot_id|>'])])

  // A file that cannot be parsed passes only where it is known.
  writeFileSync(join(other, 'tokenizer.json'), '{')
  const broken = await readCheckpoint(other)
  await expect(checkModel(broken, known)).rejects.toMatchObject({ code: 'bad_tokenizer' })
  known.set(await keyOf(other, 512), [])
  await checkModel(broken, known)
})

test('a tokenizer differs by its bytes, by the vocabulary of the model, and by the files that it is read with', async () => {
  const [one, same, other] = ['one', 'same', 'other'].map((name) => copyOf(name)) as [string, string, string]
  expect(await keyOf(same)).toBe(await keyOf(one))
  expect(await keyOf(same, 100)).not.toBe(await keyOf(one))
  writeFileSync(join(other, 'tokenizer_config.json'), JSON.stringify({ add_bos_token: false }))
  expect(await keyOf(other)).not.toBe(await keyOf(one))

  const [json, changed] = ['json', 'changed'].map((name) => writeModel(join(base, name))) as [string, string]
  writeFileSync(join(changed, 'tokenizer.json'), `${readFileSync(join(json, 'tokenizer.json'), 'utf8')} `)
  expect(await keyOf(changed)).not.toBe(await keyOf(json))
})
