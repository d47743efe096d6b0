/** Which model `loadModel` loads: a folder, a name in the models folder, or a repository in the Hugging Face cache. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { setting } from '../src/cli/config/settings-table.js'
import { loadModel } from '../src/load-model.js'
import { expandHome } from '../src/models/expand-home.js'
import { findModel } from '../src/models/find-model.js'
import { defaultModelsDir } from '../src/models/models-dir.js'
import { serve } from '../src/server/serve.js'

const demo = resolve('demo/model')

let folder: string
let modelsDir: string
let hubCache: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tether-load-test-'))
  modelsDir = join(folder, 'models')
  hubCache = join(folder, 'hub')
  vi.stubEnv('TETHER_MODELS_DIR', join(folder, 'none'))
  vi.stubEnv('HF_HUB_CACHE', hubCache)
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})

/** Puts the demo model there. */
function putModel(path: string): string {
  mkdirSync(dirname(path), { recursive: true })
  symlinkSync(demo, path)
  return path
}

/** As the hub's own tools do. -> the folder of the snapshot */
function putCachedModel(name: string, commit: string): string {
  const cached = join(hubCache, `models--${name.replace('/', '--')}`)
  mkdirSync(join(cached, 'refs'), { recursive: true })
  writeFileSync(join(cached, 'refs', 'main'), commit)
  return putModel(join(cached, 'snapshots', commit))
}

async function loaded(...args: Parameters<typeof loadModel>): Promise<{ name: string; path: string; answers: string }> {
  const model = await loadModel(...args)
  const { model: answers } = await model.message({ max_tokens: 1, messages: [{ role: 'user', content: 'Say pear.' }] })
  await model.close()
  return { name: model.info.name, path: model.info.path, answers }
}

describe('loadModel', () => {
  test('loads a folder, which is called as the folder is', async () => {
    const [own, path] = [putModel(join(folder, 'own', 'model')), putModel(join(modelsDir, 'model'))]
    expect(await loaded(own, { modelsDir })).toEqual({ name: 'model', path: own, answers: 'model' })
    expect(await loaded('model', { modelsDir })).toEqual({ name: 'model', path, answers: 'model' })
  })

  test('loads what drafts by its name, too', async () => {
    const path = join(modelsDir, 'org', 'small')
    cpSync(demo, path, { recursive: true })
    const model = await loadModel('demo', { modelsDir, draft: 'small' })
    await model.close()
    expect(model.info.drafter).toBe(path)
    await expect(loadModel('demo', { modelsDir, draft: 'of' })).rejects.toThrow(
      'draft: did you mean off? no model named of',
    )
    await expect(loadModel('demo', { modelsDir, draft: '' })).rejects.toMatchObject({ code: 'bad_config' })
  })

  test('loads demo, the model of the package, as tether --model does, and calls it so by its path too', async () => {
    vi.spyOn(process, 'cwd').mockReturnValue(folder)
    const model = { name: 'demo', path: demo, answers: 'demo' }
    expect(await loaded('demo')).toEqual(model)
    expect(await loaded(demo)).toEqual(model)
    const own = putModel(join(modelsDir, 'demo'))
    expect(await loaded('demo', { modelsDir })).toEqual({ ...model, path: own })
  })

  test('loads the folder of a relative path before a model of that name', async () => {
    const path = putModel(join(modelsDir, 'demo', 'model'))
    expect(await loaded('demo/model', { modelsDir })).toMatchObject({ path: demo })
    vi.spyOn(process, 'cwd').mockReturnValue(folder)
    expect(await loaded('demo/model', { modelsDir })).toEqual({ name: 'demo/model', path, answers: 'demo/model' })
  })

  test('loads a name in modelsDir, also a nested one, before one in the cache', async () => {
    const path = putModel(join(modelsDir, 'tiny'))
    const nested = putModel(join(modelsDir, 'org', 'small'))
    putCachedModel('org/small', 'c1')
    expect(await loaded('tiny', { modelsDir })).toEqual({ name: 'tiny', path, answers: 'tiny' })
    expect(await loaded('org/small', { modelsDir })).toEqual({ name: 'org/small', path: nested, answers: 'org/small' })
  })

  test('loads a base model for raw text, and refuses its chats', async () => {
    const path = join(modelsDir, 'base')
    cpSync(demo, path, { recursive: true })
    rmSync(join(path, 'chat_template.jinja'))
    const model = await loadModel(path)
    expect(model.info.family).toBe('base')
    let count = 0
    for await (const { tokens } of model.generate({ prompt: 'Say', maxTokens: 1 })) count += tokens.length
    expect(count).toBe(1)
    const request = { max_tokens: 1, messages: [{ role: 'user', content: 'Hi' }] }
    await expect(model.message(request)).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('base model'),
    })
    await model.close()
    await expect(loadModel(path, { needsChat: true })).rejects.toMatchObject({
      code: 'bad_config',
      message: expect.stringContaining('base model'),
    })
  })

  test('calls a model what the caller says, also in the server', async () => {
    const model = await loadModel('demo/model', { name: 'org/small' })
    const server = await serve(model, { port: 0 })
    const get = async (path: string) => (await fetch(server.url + path)).json()
    expect(await get('/health')).toMatchObject({ model: 'org/small' })
    expect(await get('/status')).toMatchObject({ model: 'org/small' })
    expect(await get('/v1/models')).toMatchObject({ first_id: 'org/small' })
    expect(await get(`/v1/models/${encodeURIComponent('org/small')}`)).toMatchObject({ display_name: 'org/small' })
    await server.close()
    await model.close()
  })

  test('looks up names in TETHER_MODELS_DIR where modelsDir is not given', async () => {
    vi.stubEnv('TETHER_MODELS_DIR', modelsDir)
    const path = putModel(join(modelsDir, 'tiny'))
    expect(await loaded('tiny')).toMatchObject({ path })
    await expect(loadModel('tiny', { modelsDir: join(folder, 'none') })).rejects.toMatchObject({
      code: 'model_not_found',
    })
  })

  test('loads a repository in the Hugging Face cache, which is called as the repository is', async () => {
    const path = putCachedModel('org/tiny', '0123abc')
    expect(await loaded('org/tiny')).toEqual({ name: 'org/tiny', path, answers: 'org/tiny' })
  })

  test.each(['tiy', 'org/other', './nowhere', 'src'])('rejects %s in the words of tether --model', async (wrong) => {
    putModel(join(modelsDir, 'tiny'))
    const found = () => findModel(wrong, { modelsDir })
    const error = await loadModel(wrong, { modelsDir }).catch((error) => error)
    expect(error).toMatchObject({ code: 'model_not_found', message: expect.stringContaining(basename(wrong)) })
    expect(found).toThrow(error.message)
  })
})

describe('the models folder by default', () => {
  test('is that of the command line', () => {
    expect(defaultModelsDir({})).toBe(expandHome(`${setting('modelsDir').default}`))
    expect(defaultModelsDir({})).toBe(join(homedir(), '.tether', 'models'))
  })

  test('is TETHER_MODELS_DIR, in which ~ is expanded, unless that is empty', () => {
    expect(defaultModelsDir({ TETHER_MODELS_DIR: '/m' })).toBe('/m')
    expect(defaultModelsDir({ TETHER_MODELS_DIR: '~/m' }, '/home/me')).toBe('/home/me/m')
    expect(defaultModelsDir({ TETHER_MODELS_DIR: '' }, '/home/me')).toBe('/home/me/.tether/models')
  })
})
