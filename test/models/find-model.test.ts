/** Which model folder a name means. */
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { findModel, partialFolder } from '../../src/models/find-model.js'
import { hubCacheDir, hubTokenFile } from '../../src/models/hub-paths.js'
import { parseRepo } from '../../src/models/repo.js'
import { writeCachedModel, writeModel } from '../support/model-folders.js'

let folder: string
let modelsDir: string
let hubCache: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tether-find-test-'))
  modelsDir = join(folder, 'models')
  hubCache = join(folder, 'hub')
})
afterEach(() => rmSync(folder, { recursive: true }))

const find = (model: string) => findModel(model, { modelsDir, hubCache, demo: join(folder, 'demo') })

describe('findModel', () => {
  test('takes a path, written in any way', () => {
    const path = writeModel(join(folder, 'mine'))
    expect(find(path)).toEqual({ path, name: 'mine', isDemo: false })
    expect(find(`${folder}/x/../mine/`).path).toBe(path)
    expect(() => find('~/no-such-model-of-tether')).toThrow(join(homedir(), 'no-such-model-of-tether'))
  })

  test('takes a name in the models folder, also a nested one, before one in the cache', () => {
    writeModel(join(modelsDir, 'gemma'))
    writeModel(join(modelsDir, 'org', 'llama'))
    writeCachedModel(hubCache, 'org/llama', 'c1')
    expect(find('gemma').path).toBe(join(modelsDir, 'gemma'))
    expect(find('org/llama')).toEqual({ path: join(modelsDir, 'org', 'llama'), name: 'org/llama', isDemo: false })
  })

  test('knows the demo model by its path', () => {
    writeModel(join(folder, 'demo'))
    expect(find(join(folder, 'demo'))).toMatchObject({ name: 'demo', isDemo: true })
  })

  test('takes a cached model: the revision of main, or a named one', () => {
    const one = writeCachedModel(hubCache, 'org/llama', 'c1')
    const two = writeCachedModel(hubCache, 'org/llama', 'c2')
    writeFileSync(join(hubCache, 'models--org--llama', 'refs', 'main'), 'c1')
    writeFileSync(join(hubCache, 'models--org--llama', 'refs', 'v2'), 'c2')
    expect(find('org/llama').path).toBe(one)
    expect(find('org/llama@v2').path).toBe(two)
    expect(find('org/llama@c2').path).toBe(two)
    expect(() => find('org/llama@v3')).toThrow('tether pull org/llama@v3')
  })

  test('takes the newest complete snapshot if main is not complete', () => {
    const old = writeCachedModel(hubCache, 'org/llama', 'c1', { shards: 2 })
    const young = writeCachedModel(hubCache, 'org/llama', 'c2', { shards: 2 })
    const main = writeCachedModel(hubCache, 'org/llama', 'c3', { shards: 2 })
    utimesSync(old, 1000, 1000)
    writeFileSync(join(hubCache, 'models--org--llama', 'refs', 'main'), 'c3')
    expect(find('org/llama').path).toBe(main)
    rmSync(join(main, 'model-00002-of-00002.safetensors'))
    expect(find('org/llama').path).toBe(young)
    rmSync(join(young, '..', '..', 'blobs', 'c2-model-00001-of-00002.safetensors'))
    expect(find('org/llama').path).toBe(old)
  })

  test('says where it looked, and suggests a similar name', () => {
    writeModel(join(modelsDir, 'gemma'))
    writeCachedModel(hubCache, 'org/llama', 'c1')
    expect(() => find('gema')).toThrow(/there is no model gema; .*gema does not exist, .*did you mean gemma\?/)
    expect(() => find('llama')).toThrow('did you mean org/llama?')
    expect(() => find('zebra')).toThrow('there are: gemma, org/llama; to get one from the hub: tether pull ORG/NAME')
    mkdirSync(join(folder, 'empty'))
    expect(() => find(join(folder, 'empty'))).toThrow(/empty has no config\.json/)
    expect(() => find(join(modelsDir, 'gemma', 'config.json'))).toThrow('is a file (name its folder)')
  })

  test('names the command that pulls a model of the hub, or continues its download', () => {
    expect(() => find('mlx-community/gemma')).toThrow('to get it: tether pull mlx-community/gemma')
    mkdirSync(partialFolder(join(modelsDir, 'mlx-community', 'gemma')), { recursive: true })
    expect(() => find('mlx-community/gemma')).toThrow('not complete; to continue: tether pull mlx-community/gemma')
  })
})

describe('names and paths of the hub', () => {
  test.each([
    [{ HOME: '/h' }, '/h/.cache/huggingface/hub', '/h/.cache/huggingface/token'],
    [{ HOME: '/h', XDG_CACHE_HOME: '/x' }, '/x/huggingface/hub', '/x/huggingface/token'],
    [{ HOME: '/h', HF_HOME: '~/hf' }, '/h/hf/hub', '/h/hf/token'],
    [{ HOME: '/h', HF_HOME: '/hf', HF_HUB_CACHE: '/c', HF_TOKEN_PATH: '/t' }, '/c', '/t'],
  ])('%j sets where its tools keep their files', (env, cache, token) => {
    expect([hubCacheDir(env), hubTokenFile(env)]).toEqual([cache, token])
  })

  test.each([
    ['org/name', { name: 'org/name', revision: undefined }],
    ['org/na.me_1@refs/pr/3', { name: 'org/na.me_1', revision: 'refs/pr/3' }],
    ['org/name@a..b', undefined],
    ['../name', undefined],
    ['/org/name', undefined],
    ['a/b/c', undefined],
    ['name', undefined],
    ['org/.name', undefined],
  ])('%s is parsed as %j', (text, repo) => expect(parseRepo(text)).toEqual(repo))
})
