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

function messageOf(model: string): string[] {
  try {
    find(model)
  } catch (error) {
    return (error as Error).message.split('\n')
  }
  throw new Error(`${model} was found`)
}

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

  test.each([
    'https://huggingface.co/org/llama',
    'https://huggingface.co/org/llama/',
    'https://huggingface.co/org/llama/tree/main?a=b',
    'huggingface.co/org/llama',
    'hf.co/org/llama',
    'hf://org/llama',
  ])('takes the address %s as pull does', (address) => {
    const path = writeModel(join(modelsDir, 'org', 'llama'))
    expect(find(address)).toEqual({ path, name: 'org/llama', isDemo: false })
    rmSync(path, { recursive: true })
    expect(messageOf(address)).toEqual([
      'no model named org/llama on this machine. To download it:',
      '  tether pull org/llama',
    ])
  })

  test('takes a revision from an address, and a folder before an address', () => {
    const one = writeCachedModel(hubCache, 'org/llama', 'c1')
    mkdirSync(join(hubCache, 'models--org--llama', 'refs'), { recursive: true })
    writeFileSync(join(hubCache, 'models--org--llama', 'refs', 'v2'), 'c1')
    expect(find('https://huggingface.co/org/llama/tree/v2')).toEqual({ path: one, name: 'org/llama@v2', isDemo: false })
    expect(() => find('https://example.com/org/llama')).toThrow('no model named')
  })

  test('knows the demo model by its path, and by the name demo unless another model has it', () => {
    writeModel(join(folder, 'demo'))
    expect(find(join(folder, 'demo'))).toMatchObject({ name: 'demo', isDemo: true })
    expect(find('demo')).toEqual({ path: join(folder, 'demo'), name: 'demo', isDemo: true })
    writeModel(join(modelsDir, 'demo'))
    expect(find('demo')).toMatchObject({ path: join(modelsDir, 'demo'), isDemo: false })
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

  test('takes the last components of a name that only one model has, in either place', () => {
    writeModel(join(modelsDir, 'org', 'gemma'))
    writeModel(join(modelsDir, 'mine', 'org', 'mistral'))
    const llama = writeCachedModel(hubCache, 'org/llama', 'c1')
    expect(find('gemma')).toEqual({ path: join(modelsDir, 'org', 'gemma'), name: 'org/gemma', isDemo: false })
    expect(find('llama')).toEqual({ path: llama, name: 'org/llama', isDemo: false })
    expect(find('mistral').name).toBe('mine/org/mistral')
    expect(find('org/mistral').name).toBe('mine/org/mistral')
    // The same model in both places is one.
    writeCachedModel(hubCache, 'org/gemma', 'c1')
    expect(find('gemma').path).toBe(join(modelsDir, 'org', 'gemma'))
  })

  test('takes a name with a slash at its end, as shells complete folders, like one without', () => {
    writeModel(join(modelsDir, 'org', 'gemma'))
    writeCachedModel(hubCache, 'org/llama', 'c1')
    const demo = writeModel(join(folder, 'demo'))
    for (const name of ['org/gemma', 'gemma', 'org/llama', 'llama', 'demo', demo, join(modelsDir, 'org/gemma')]) {
      expect(find(`${name}/`)).toEqual(find(name))
      expect(find(`${name}//`)).toEqual(find(name))
    }
    expect(messageOf('org/absent/')).toEqual(messageOf('org/absent'))
    expect(parseRepo('org/gemma/')).toEqual({ name: 'org/gemma' })
  })

  test('says both where two models share the last component', () => {
    writeModel(join(modelsDir, 'one', 'gemma'))
    writeCachedModel(hubCache, 'two/gemma', 'c1')
    expect(messageOf('gemma')).toEqual([
      '2 models are named gemma. Use the full name, such as:',
      '  tether --model one/gemma',
      '  tether --model two/gemma',
    ])
    writeModel(join(modelsDir, 'gemma'))
    expect(find('gemma').path).toBe(join(modelsDir, 'gemma'))
  })

  test('answers a wrong name with close ones, and with the commands that help', () => {
    for (const name of ['gemma', 'org/gemma-2', 'a/zebra']) writeModel(join(modelsDir, name))
    writeCachedModel(hubCache, 'org/llama', 'c1')
    const commands = ['  tether --list', '  tether pull ORG/NAME']
    expect(messageOf('gema')).toEqual([
      'no model named gema (similar: gemma). To list all, or to download one:',
      ...commands,
    ])
    expect(messageOf('gem')[0]).toContain('(similar: gemma, org/gemma-2)')
    expect(messageOf('lama')[0]).toContain('(similar: org/llama)')
    expect(messageOf('Demo')[0]).toContain('(similar: demo)')
    expect(messageOf('quark')).toEqual(['no model named quark. To list all, or to download one:', ...commands])
  })

  test('suggests no damaged model', () => {
    writeModel(join(modelsDir, 'gemma-a'))
    rmSync(join(modelsDir, 'gemma-a', 'model.safetensors'))
    writeModel(join(modelsDir, 'gemma-b'))
    writeFileSync(join(modelsDir, 'gemma-b', 'config.json'), '{')
    expect(messageOf('gemma')[0]).toBe('no model named gemma. To list all, or to download one:')
  })

  test('names a wrong path once, and says what is there', () => {
    mkdirSync(join(folder, 'empty'))
    writeModel(join(modelsDir, 'gemma'))
    expect(messageOf(join(folder, 'gone'))).toEqual([`no such folder: ${join(folder, 'gone')}`])
    expect(messageOf(join(folder, 'empty'))[0]).toMatch(
      /empty has no config\.json\. Pass the folder of an MLX checkpoint\.$/,
    )
    expect(messageOf(join(modelsDir, 'gemma', 'config.json'))[0]).toContain('config.json is a file. Pass the folder')
  })

  test.each([
    ['a GGUF file', 'llama.gguf', 'llama.gguf', /^.*llama\.gguf cannot be used: GGUF is not supported. Use an MLX/],
    ['a folder of GGUF files', 'q4', 'q4/llama.Q4.gguf', /q4 cannot be used: GGUF is not supported. Use an MLX/],
    ['an adapter', 'lora', 'lora/adapter_config.json', /a LoRA adapter is not a whole model. Load its base model/],
    ['PyTorch weights', 'torch', 'torch/pytorch_model.bin', /PyTorch weights are not supported. Use an MLX checkpoint/],
  ])('says what %s is, by path and by name', (_, name, file, message) => {
    mkdirSync(join(modelsDir, name === file ? '.' : name), { recursive: true })
    writeFileSync(join(modelsDir, file), '')
    expect(messageOf(name)[0]).toMatch(message)
    expect(messageOf(join(modelsDir, name))[0]).toMatch(message)
  })

  test('names the command that pulls a model of the hub, or continues its download', () => {
    expect(messageOf('mlx-community/gemma')).toEqual([
      'no model named mlx-community/gemma on this machine. To download it:',
      '  tether pull mlx-community/gemma',
    ])
    mkdirSync(partialFolder(join(modelsDir, 'mlx-community', 'gemma')), { recursive: true })
    expect(messageOf('mlx-community/gemma')).toEqual([
      'the download of mlx-community/gemma is not complete. To continue it:',
      '  tether pull mlx-community/gemma',
    ])
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
