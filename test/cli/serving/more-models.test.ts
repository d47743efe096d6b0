/** What the settings name beside a server's first model. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readConfig } from '../../../src/cli/config/read-config.js'
import { readValue } from '../../../src/cli/config/setting-value.js'
import type { Settings } from '../../../src/cli/config/settings-table.js'
import { moreModels } from '../../../src/cli/serving/more-models.js'
import { findModel } from '../../../src/models/find-model.js'

const modelsDir = mkdtempSync(join(tmpdir(), 'tether-more-'))
afterAll(() => rmSync(modelsDir, { recursive: true }))
for (const name of ['a', 'org/b', 'c']) {
  mkdirSync(join(modelsDir, name), { recursive: true })
  writeFileSync(join(modelsDir, name, 'config.json'), '{}')
  writeFileSync(join(modelsDir, name, 'model.safetensors'), '')
}
const places = { modelsDir, hubCache: join(modelsDir, 'none') }
const config = {
  forOther: (names: string[]) =>
    ({ settings: { thinking: names.includes('b') ? 'off' : 'auto', draft: 'off', memoryCap: 5 } }) as never,
}
const more = (models?: string, smallModel?: string) =>
  moreModels(findModel('a', places), { models, smallModel, memoryCap: 100 } as Settings, { config, places })

test('they are found, each with its own settings and the first one’s memory cap', () => {
  const { others, small } = more('org/b, c') ?? { others: [] }
  expect(others.map(({ found }) => found.name)).toEqual(['org/b', 'c'])
  expect(others.map(({ settings }) => settings)).toEqual([
    { thinking: 'off', draft: 'off', memoryCap: 100 },
    { thinking: 'auto', draft: 'off', memoryCap: 100 },
  ])
  expect(small).toBeUndefined()
})

test('an adapter and a drafter are those of one model; what else is set holds for all', async () => {
  const folder = join(modelsDir, 'config')
  mkdirSync(folder)
  const tables = '[model]\ndraft = "/drafts/a"\nkv_bits = 8\n[models."b"]\nadapter = "/adapters/b"\n'
  writeFileSync(join(folder, 'config.toml'), tables)
  const flags = { adapter: '/adapters/a', models: 'b,c' }
  const config = await readConfig(flags, { folder, env: {} })
  expect(config.forModel(['a']).settings).toMatchObject({ adapter: '/adapters/a', draft: '/drafts/a' })
  const { others } = moreModels(findModel('a', places), config.settings, { config, places }) ?? { others: [] }
  const { kvBits } = config.settings
  expect(others.map(({ settings: { adapter, draft, kvBits } }) => ({ adapter, draft, kvBits }))).toEqual([
    { adapter: '/adapters/b', draft: 'auto', kvBits },
    { adapter: undefined, draft: 'auto', kvBits },
  ])
  const off = await readConfig({ draft: 'off' }, { folder: undefined })
  expect(off.forOther(['c']).settings.draft).toBe('off')
})

test.each([
  [undefined, undefined, undefined],
  ['', undefined, undefined],
  ['a', undefined, undefined],
  ['a,,b,org/b', undefined, { names: ['org/b'], small: undefined }],
  [undefined, 'c', { names: ['c'], small: 'c' }],
  ['b,c', 'c', { names: ['org/b', 'c'], small: 'c' }],
  ['b', 'a', { names: ['org/b'], small: undefined }],
])('of --models %s and --small-model %s they are %j', (models, small, wanted) => {
  const found = more(models, small)
  const names = found?.others.map(({ found }) => found.name)
  expect(found && { names, small: found.small }).toEqual(wanted)
})

test('one that is not there is an error before anything is loaded', () => {
  expect(() => more('b,nowhere')).toThrow(/nowhere/)
  expect(() => more('b', 'nowhere')).toThrow(/nowhere/)
})

test('two of one name, such as folders of two places, are an error that names both', () => {
  for (const place of ['one', 'two'])
    cpSync(join(modelsDir, 'c'), join(modelsDir, 'places', place, 'c'), { recursive: true })
  const [one, two] = ['one', 'two'].map((place) => join(modelsDir, 'places', place, 'c'))
  expect(() => more(`${one},${two}`)).toThrow(`the model ${one} and the model ${two} have the same name, c, `)
  expect(() => more(`c,${one}`)).toThrow(
    `the model ${join(modelsDir, 'c')} and the model ${one} have the same name, c, `,
  )
})

test.each([
  ['a', { adapter: '/adapters/pirate,/adapters/poet' }, {}, 'a:poet', '/adapters/poet'],
  ['c', {}, { adapter: './pirate/' }, 'c:pirate', join(process.cwd(), 'pirate')],
])('an adapter of %s is not called as a model is', (base, first, other, name, adapter) => {
  cpSync(join(modelsDir, 'c'), join(modelsDir, name), { recursive: true })
  const forOther = (names: string[]) => ({ settings: { draft: 'off', ...(names.includes('c') ? other : {}) } }) as never
  const all = () =>
    moreModels(findModel('a', places), { models: `c,${name}`, ...first } as Settings, { config: { forOther }, places })
  expect(all).toThrow(new RegExp(`the (model|adapter) .* and the (model|adapter) .* have the same name, ${name}, `))
  expect(all).toThrow(`the adapter ${adapter} of ${base}`)
  expect(all).toThrow(`the model ${join(modelsDir, name)}`)
  rmSync(join(modelsDir, name), { recursive: true })
  cpSync(join(modelsDir, 'c'), join(modelsDir, 'org', name), { recursive: true })
  expect(all()?.others.map(({ found }) => found.name)).toEqual(['c', `org/${name}`])
})

test.each<[unknown, unknown]>([
  [['a', 'org/b'], { value: 'a,org/b' }],
  ['a, b', { value: 'a,b' }],
  ['a,,b', { expected: 'a text, or a list of texts without commas' }],
  [[], { value: undefined }],
  [['a,b'], { expected: 'a text, or a list of texts without commas' }],
  [['a', 3], { expected: 'a text, or a list of texts without commas' }],
])('a file may set models to %j', (value, wanted) => {
  expect(readValue('models', value)).toEqual(wanted)
})
