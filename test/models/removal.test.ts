/** What tether rm means by a name, what it deletes, and what it leaves alone. */
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { planRemoval } from '../../src/models/removal.js'
import { remove } from '../../src/models/remove.js'
import { writeCachedModel, writeModel } from '../support/model-folders.js'

let base: string
const modelsDir = () => join(base, 'models')
const hubCache = () => join(base, 'hub')
const plan = (name: string) => planRemoval(name, { modelsDir: modelsDir(), hubCache: hubCache() })
const never = new AbortController().signal
const removeAll = async (name: string, signal = never) => {
  const done = []
  for (const removal of plan(name)) done.push(await remove(removal, signal))
  return done
}
const [first, second] = ['a'.repeat(40), 'b'.repeat(40)]
const repository = () => join(hubCache(), 'models--org--model')

beforeEach(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'tether-removal-test-')))
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

describe('a model of the models folder', () => {
  test.each(['org/gemma', 'gemma', 'org/gemma/', 'PATH'])('is meant by %s', async (name) => {
    const path = writeModel(join(modelsDir(), 'org', 'gemma'))
    writeModel(join(modelsDir(), 'other', 'llama'))
    const asked = name === 'PATH' ? path : name
    expect(plan(asked)).toMatchObject([{ name: 'org/gemma', kind: 'model', folder: path, files: 3 }])
    const [{ bytes } = { bytes: 0 }] = plan(asked)
    const removed = await removeAll(asked)
    expect(removed).toEqual([{ freed: bytes, failed: [], isStopped: false }])
    expect(bytes).toBeGreaterThan(100_000)
    expect(readdirSync(modelsDir())).toEqual(['other'])
  })

  test('that only a part of its name means twice is not guessed', () => {
    writeModel(join(modelsDir(), 'a', 'gemma'))
    writeModel(join(modelsDir(), 'b', 'gemma'))
    expect(() => plan('gemma')).toThrow('2 models are named gemma: a/gemma, b/gemma')
  })

  test.each([
    ['damaged', () => writeFileSync(join(modelsDir(), 'gemma', 'config.json'), '{')],
    ['an adapter', () => writeFileSync(join(modelsDir(), 'gemma', 'adapter_config.json'), '{}')],
  ])('goes also if it is %s', async (_, make) => {
    mkdirSync(join(modelsDir(), 'gemma'), { recursive: true })
    make()
    await removeAll('gemma')
    expect(readdirSync(modelsDir())).toEqual([])
  })

  test('goes as a GGUF file', async () => {
    mkdirSync(modelsDir())
    writeFileSync(join(modelsDir(), 'model.gguf'), 'GGUF')
    await removeAll('model.gguf')
    expect(readdirSync(modelsDir())).toEqual([])
  })

  test('takes the rest of its download with it, and a download alone goes too', async () => {
    const partial = join(modelsDir(), 'org', '.gemma.partial')
    writeModel(join(modelsDir(), 'org', 'gemma'))
    for (const kinds of [['model', 'partial'], ['partial']]) {
      mkdirSync(partial, { recursive: true })
      writeFileSync(join(partial, 'model.safetensors.part'), 'x')
      expect(plan('org/gemma').map(({ kind }) => kind)).toEqual(kinds)
      await removeAll('org/gemma')
      expect(readdirSync(modelsDir())).toEqual([])
    }
  })

  test('is not deleted while a process pulls it', async () => {
    const path = writeModel(join(modelsDir(), 'org', 'gemma'))
    writeFileSync(join(modelsDir(), 'org', '.gemma.partial.lock'), `${process.pid}\n`)
    await expect(removeAll('org/gemma')).rejects.toThrow(`being downloaded by process ${process.pid}`)
    expect(existsSync(join(path, 'config.json'))).toBe(true)
  })

  test('says whether tether downloaded it', () => {
    const path = writeModel(join(modelsDir(), 'gemma'))
    expect(plan('gemma')[0]?.notes).toEqual(['tether did not download it'])
    writeFileSync(join(path, '.pulled.json'), '{}')
    expect(plan('gemma')[0]?.notes).toEqual([])
  })

  test('that is stopped is no model any more, and the same command deletes the rest', async () => {
    writeModel(join(modelsDir(), 'org', 'gemma'))
    const stop = new AbortController()
    const [removal] = plan('org/gemma')
    if (!removal) throw new Error('nothing is planned')
    // The signal fires between two files.
    let asked = 0
    const signal = new Proxy(stop.signal, {
      get: (target, key) => (key === 'aborted' ? ++asked > 5 : target[key as 'aborted']),
    })
    expect(await remove(removal, signal)).toMatchObject({ isStopped: true })
    expect(readdirSync(join(modelsDir(), 'org'))).toEqual(['.gemma.removed'])
    expect(plan('org/gemma')).toMatchObject([{ kind: 'partial' }])
    await removeAll('org/gemma')
    expect(readdirSync(modelsDir())).toEqual([])
  })
})

describe('links', () => {
  test('to a model go alone: what they lead to stays', async () => {
    const real = writeModel(join(base, 'elsewhere', 'gemma'))
    mkdirSync(modelsDir())
    symlinkSync(real, join(modelsDir(), 'gemma'))
    expect(plan('gemma')).toMatchObject([{ kind: 'link', bytes: 0, notes: [`it is a link: ${real} stays`] }])
    await removeAll('gemma')
    expect(readdirSync(modelsDir())).toEqual([])
    expect(readdirSync(real)).toContain('config.json')
  })

  test('inside of a model are not followed', async () => {
    const outside = join(base, 'outside')
    mkdirSync(outside)
    writeFileSync(join(outside, 'mine'), 'mine')
    const path = writeModel(join(modelsDir(), 'gemma'))
    symlinkSync(outside, join(path, 'folder'))
    symlinkSync(join(outside, 'mine'), join(path, 'file'))
    await removeAll('gemma')
    expect(readdirSync(outside)).toEqual(['mine'])
  })

  test('on the way to a model are refused', () => {
    writeModel(join(base, 'elsewhere', 'gemma'))
    mkdirSync(modelsDir())
    symlinkSync(join(base, 'elsewhere'), join(modelsDir(), 'org'))
    expect(() => plan('org/gemma')).toThrow('is not in the models folder. Delete it there.')
  })

  test('count nothing as freed that has another name', async () => {
    const path = writeModel(join(modelsDir(), 'gemma'))
    linkSync(join(path, 'model.safetensors'), join(base, 'kept.safetensors'))
    const [removed] = await removeAll('gemma')
    expect(removed?.freed).toBeLessThan(100_000)
    expect(existsSync(join(base, 'kept.safetensors'))).toBe(true)
  })
})

describe('refuses', () => {
  test.each(['/etc', '~', '.', '..', '../x', './models', 'org', 'no/such', '../../etc/passwd', 'org/../../hub'])(
    '%s, and deletes nothing',
    (name) => {
      writeModel(join(modelsDir(), 'org', 'gemma'))
      expect(() => plan(name)).toThrow(expect.objectContaining({ code: 'model_not_found' }))
    },
  )

  test('the models folder itself, by its path', () => {
    writeModel(join(modelsDir(), 'org', 'gemma'))
    expect(() => plan(modelsDir())).toThrow('is neither in the models folder')
    expect(() => plan(join(modelsDir(), '..', 'hub'))).toThrow('is neither in the models folder')
  })

  test('a wrong name, with those that are near', () => {
    writeModel(join(modelsDir(), 'org', 'gemma'))
    expect(() => plan('org/gema')).toThrow('no model named org/gema on this machine (similar: org/gemma)')
  })
})

describe("a model of the hub's cache", () => {
  test('goes whole with its last revision, as do its locks', async () => {
    writeCachedModel(hubCache(), 'org/model', first)
    mkdirSync(join(hubCache(), '.locks', 'models--org--model'), { recursive: true })
    writeCachedModel(hubCache(), 'org/other', first)
    expect(plan('model')).toMatchObject([{ name: 'org/model', kind: 'cached' }])
    await removeAll('org/model')
    expect(readdirSync(hubCache()).sort()).toEqual(['.locks', 'models--org--other'])
    expect(readdirSync(join(hubCache(), '.locks'))).toEqual([])
  })

  test('keeps what another revision has too', async () => {
    const one = writeCachedModel(hubCache(), 'org/model', first)
    const other = writeCachedModel(hubCache(), 'org/model', second)
    // As the cache does for a file that is the same in both.
    rmSync(join(other, 'tokenizer.json'))
    symlinkSync(join('..', '..', 'blobs', `${first}-tokenizer.json`), join(other, 'tokenizer.json'))
    rmSync(join(repository(), 'blobs', `${second}-tokenizer.json`))
    writeFileSync(join(repository(), 'refs', 'main'), first)
    writeFileSync(join(repository(), 'refs', 'v2'), second)
    expect(plan('org/model')).toMatchObject([
      { name: `org/model@${first}`, folder: one, notes: [expect.any(String), '1 other revision of it stays'] },
    ])
    await removeAll('org/model')
    expect(readdirSync(join(repository(), 'snapshots'))).toEqual([second])
    expect(readdirSync(join(repository(), 'refs'))).toEqual(['v2'])
    expect(readdirSync(join(repository(), 'blobs')).sort()).toEqual([
      `${first}-tokenizer.json`,
      `${second}-config.json`,
      `${second}-model.safetensors`,
    ])
  })

  test.each([first, 'v2'])('is meant in the revision %s', (revision) => {
    writeCachedModel(hubCache(), 'org/model', first)
    writeCachedModel(hubCache(), 'org/model', second)
    writeFileSync(join(repository(), 'refs', 'v2'), second)
    const commit = revision === 'v2' ? second : first
    expect(plan(`org/model@${revision}`)).toMatchObject([{ name: `org/model@${commit}` }])
  })

  test('of which a revision is half deleted is meant by that revision again', async () => {
    const one = writeCachedModel(hubCache(), 'org/model', first)
    writeCachedModel(hubCache(), 'org/model', second)
    rmSync(join(one, 'config.json'))
    rmSync(join(repository(), 'blobs', `${first}-model.safetensors`))
    await removeAll(`org/model@${first}`)
    expect(readdirSync(join(repository(), 'snapshots'))).toEqual([second])
    expect(readdirSync(join(repository(), 'blobs')).filter((name) => name.startsWith(first))).toEqual([
      `${first}-config.json`,
    ])
  })

  test('loses only links to files that are not in the cache', async () => {
    const one = writeCachedModel(hubCache(), 'org/model', first)
    writeCachedModel(hubCache(), 'org/model', second)
    writeFileSync(join(base, 'mine'), 'mine')
    symlinkSync(join(base, 'mine'), join(one, 'README.md'))
    await removeAll(`org/model@${first}`)
    expect(existsSync(join(base, 'mine'))).toBe(true)
  })

  test('goes where its download is not complete', async () => {
    mkdirSync(join(repository(), 'blobs'), { recursive: true })
    writeFileSync(join(repository(), 'blobs', 'x.incomplete'), 'x')
    await removeAll('org/model')
    expect(readdirSync(hubCache())).toEqual([])
  })
})
