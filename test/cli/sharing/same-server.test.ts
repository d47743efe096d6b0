/** Which of the servers that run is the one that a terminal wants. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/cli/config/read-config.js'
import type { Layer } from '../../../src/cli/config/settings-table.js'
import { candidates } from '../../../src/cli/sharing/running-match.js'
import {
  differences,
  modelAt,
  modelStamp,
  settingsOfServer,
  wantedServer,
} from '../../../src/cli/sharing/same-server.js'

let base: string
let model: string
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'tether-same-test-'))
  model = join(base, 'model')
  mkdirSync(model)
  writeFileSync(join(model, 'config.json'), '{}')
  writeFileSync(join(model, 'model.safetensors'), 'weights')
})
afterEach(() => rmSync(base, { recursive: true }))

const settings = async (flags: Layer = {}) => (await readConfig(flags, { folder: undefined, env: {} })).settings
const wanted = async (flags?: Layer) => wantedServer(model, await settings(flags))
const record = async (flags?: Layer) => ({
  ...{ pid: 1, url: 'http://127.0.0.1:8080', model: 'model', started: '', version: '1.0.0' },
  shared: { socket: '', ...(await wanted(flags)) },
})

describe('the settings of a server', () => {
  test.each<[Layer]>([
    [{ kvBits: 8 }],
    [{ maxContext: 1000 }],
    [{ temperature: 0 }],
    [{ onOverflow: 'error' }],
    [{ requestLog: '/tmp/log' }],
    [{ host: '0.0.0.0' }],
    [{ thinking: 'off' }],
    [{ adapter: '/adapters/pirate' }],
  ])('are others with %o', async (flags) => {
    const [one, other] = [settingsOfServer(await settings()), settingsOfServer(await settings(flags))]
    expect(differences(one, other)).toHaveLength(1)
  })

  test.each<[Layer]>([
    [{ model: 'other spelling' }],
    [{ claudePath: '/bin/claude' }],
    [{ apiKey: 'mine' }],
    [{ logLevel: 'debug' }],
    [{ port: 9000 }],
    [{ keepAlive: 60 }],
  ])('are the same with %o', async (flags) => {
    expect(differences(settingsOfServer(await settings()), settingsOfServer(await settings(flags)))).toEqual([])
  })

  test('are the same in another folder', async () => {
    const folder = process.cwd()
    const one = settingsOfServer(await settings())
    try {
      process.chdir(base)
      expect(differences(one, settingsOfServer(await settings()))).toEqual([])
    } finally {
      process.chdir(folder)
    }
  })

  test('are the same by every path and name of a folder, asked for in whatever folder', async () => {
    const folder = process.cwd()
    symlinkSync(base, `${base}-link`)
    const of = async (flags: Layer) => {
      const { settings: own, models } = wantedServer(model, { ...(await settings(flags)), modelsDir: base })
      return { ...own, models: models.sort() }
    }
    try {
      process.chdir(base)
      for (const name of ['other', 'small']) cpSync(model, join(base, name), { recursive: true })
      const one = { models: 'other,./model', smallModel: './small', adapter: './a,b', requestLog: 'log' }
      const here = await of(one)
      process.chdir(`${base}-link`)
      expect(differences(here, await of(one))).toEqual([])
      process.chdir(folder)
      const link = (path: string) => join(`${base}-link`, path)
      const paths = { smallModel: 'small', adapter: `${join(base, 'a')},${link('b')}`, requestLog: link('log') }
      expect(differences(here, await of({ models: `model, ${link('other')}`, ...paths }))).toEqual([])
      const none = await of({ models: 'other,nowhere', smallModel: 'nowhere', adapter: 'b', requestLog: 'log' })
      expect(differences(here, none)).toEqual(['adapter', 'models', 'request_log', 'small_model'])
    } finally {
      process.chdir(folder)
      rmSync(`${base}-link`)
    }
  })

  test('have no key in them', async () => {
    expect(JSON.stringify(settingsOfServer(await settings({ apiKey: 'secret' })))).not.toContain('secret')
  })

  test('survive JSON, as a record keeps them', async () => {
    const own = settingsOfServer(await settings({ kvBits: 8 }))
    expect(differences(JSON.parse(JSON.stringify(own)), own)).toEqual([])
  })
})

test('a stamp changes when a file of the model is written again', () => {
  const before = modelStamp(model)
  expect(modelStamp(model)).toBe(before)
  writeFileSync(join(model, 'model.safetensors'), 'other weights')
  expect(modelStamp(model)).not.toBe(before)
})

test('a stamp changes when a file of an adapter is written again', async () => {
  const adapter = join(base, 'adapter')
  mkdirSync(adapter)
  writeFileSync(join(adapter, 'adapters.safetensors'), 'one')
  const before = await wanted({ adapter })
  expect(await wanted({ adapter })).toEqual(before)
  writeFileSync(join(adapter, 'adapters.safetensors'), 'other')
  expect((await wanted({ adapter })).stamp).not.toBe(before.stamp)
})

test('TETHER_DEBUG=1 asks for a server that writes what it is asked', async () => {
  const all = await settings()
  const [plain, debugging] = [{}, { TETHER_DEBUG: '1' }].map((env) => wantedServer(model, all, env))
  expect(differences(plain?.settings ?? {}, debugging?.settings ?? {})).toEqual(['TETHER_DEBUG'])
})

test('a model is the same through a link to its folder', async () => {
  symlinkSync(model, join(base, 'link'))
  expect(wantedServer(join(base, 'link'), await settings()).path).toBe((await wanted()).path)
})

describe('a server of several models', () => {
  const folderOf = (name: string) => join(base, name)
  const serving = async (flags: Layer = {}) => {
    for (const name of ['second', 'third']) cpSync(model, folderOf(name), { recursive: true })
    const { models: _, ...first } = await wanted(flags)
    const others = ['second', 'third'].map(async (name) => ({
      name: `org/${name}`,
      ...modelAt(folderOf(name), await settings(flags)),
    }))
    return { ...(await record()), shared: { socket: '', ...first, others: await Promise.all(others) } }
  }
  const match = async (path: string, flags: Layer = {}, running: Layer = {}) => {
    const records = [await serving(running)]
    const asked = wantedServer(path, { ...(await settings(flags)), modelsDir: base })
    const [found] = candidates(records, asked, { version: '1.0.0' })
    return [found?.name, found?.differs]
  }

  test('is the one that is wanted for each of them, by the name that it knows', async () => {
    expect(await match(model)).toEqual([undefined, undefined])
    expect(await match(folderOf('second'))).toEqual(['org/second', undefined])
    expect(await match(folderOf('second'), { models: 'model,third' })).toEqual(['org/second', undefined])
    expect(await match(folderOf('fourth'))).toEqual([undefined, { in: 'model' }])
  })

  test('differs in the settings of that model, and by a model that it lacks', async () => {
    const keys = ['kv_bits', 'models']
    expect(await match(folderOf('third'), { kvBits: 8, models: 'fourth' })).toEqual([
      'org/third',
      { in: 'settings', keys },
    ])
    expect(await match(model, { models: 'second,fourth' })).toEqual([undefined, { in: 'settings', keys: ['models'] }])
    expect(await match(folderOf('third'), { kvBits: 8 }, { kvBits: 8 })).toEqual(['org/third', undefined])
  })

  test('comes after one whose first model is wanted', async () => {
    const several = await serving()
    const { models: _, ...alone } = wantedServer(folderOf('third'), await settings())
    const one = { ...(await record()), pid: 2, shared: { socket: '', ...alone } }
    const found = candidates([several, one], wantedServer(folderOf('third'), await settings()), { version: '1.0.0' })
    expect(found.map(({ record, differs }) => [record.pid, differs])).toEqual([
      [2, undefined],
      [1, undefined],
    ])
  })

  test('is not used for a model whose name agents change, which it takes for its first one', async () => {
    const running = await serving()
    for (const other of running.shared.others) other.name = `claude-${other.name}`
    const [found] = candidates([running], wantedServer(folderOf('second'), await settings()), { version: '1.0.0' })
    expect(found).toMatchObject({ differs: { in: 'model' } })
  })
})

describe('a server that runs', () => {
  const match = async (flags: Layer, options: { version?: string; port?: number } = {}, wish = wanted()) =>
    candidates([await record(flags)], await wish, { version: '1.0.0', ...options }).map(({ differs }) => differs)

  test('is the one that is wanted if nothing differs', async () => {
    expect(await match({})).toEqual([undefined])
  })

  test('differs in its settings, which are named', async () => {
    expect(await match({ kvBits: 8, maxContext: 9 })).toEqual([{ in: 'settings', keys: ['kv_bits', 'max_context'] }])
  })

  test('differs in its version first', async () => {
    expect(await match({ kvBits: 8 }, { version: '2.0.0' })).toEqual([{ in: 'version', running: '1.0.0' }])
  })

  test('differs in its model', async () => {
    const other = { path: '/elsewhere', stamp: '', settings: {}, models: [] }
    expect(await match({}, {}, Promise.resolve(other))).toEqual([{ in: 'model' }])
  })

  test('differs in files that have changed since', async () => {
    const running = await record()
    writeFileSync(join(model, 'config.json'), '{"new": 1}')
    expect(candidates([running], await wanted(), { version: '1.0.0' })[0]?.differs).toEqual({ in: 'files' })
  })

  test('is not meant on another port than the one that was asked for', async () => {
    expect(await match({}, { port: 9000 })).toEqual([])
    expect(await match({}, { port: 8080 })).toEqual([undefined])
  })

  test('is of no use without a socket', async () => {
    const { shared: _, ...alone } = await record()
    expect(candidates([alone], await wanted(), { version: '1.0.0' })).toEqual([])
  })
})
