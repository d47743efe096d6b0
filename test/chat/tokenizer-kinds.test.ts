import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { loadTokenizer } from '../../src/chat/tokenizer/load.js'

interface Kinds {
  models: Record<string, object>
  cases: { model: string; file: object; texts: string[]; ids: number[][]; decoded: string[] }[]
}

const { models, cases }: Kinds = JSON.parse(
  readFileSync(process.env.TETHER_KINDS ?? 'test/chat/golden/kinds.json', 'utf8'),
)
const folder = mkdtempSync(join(tmpdir(), 'tether-kinds-'))
afterAll(() => rmSync(folder, { recursive: true }))

test.each(Object.keys(models))(
  '%s: gives the ids and texts that Hugging Face gives',
  { timeout: 600_000 },
  async (name) => {
    const own = cases.filter(({ model }) => model === name)
    expect(own.length).toBeGreaterThan(0)
    const wrong: unknown[] = []
    for (const { file, texts, ids, decoded } of own) {
      writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify({ ...file, model: models[name] }))
      const tokenizer = await loadTokenizer(folder, { cache: false })
      for (const [i, text] of texts.entries()) {
        const got = [...tokenizer.encode(text, { special: true })]
        const back = tokenizer.decode(ids[i] as number[])
        if (got.join() === ids[i]?.join() && back === decoded[i]) continue
        wrong.push({ file, text, ids: ids[i], got, decoded: decoded[i], back })
      }
    }
    expect(wrong).toEqual([])
  },
)
