/** Which model is taken when none is named. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { chooseModel } from '../../../src/cli/models/choose-model.js'
import { writeModel } from '../../support/model-folders.js'

let folder: string
let modelsDir: string
let hubCache: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tether-choose-test-'))
  modelsDir = join(folder, 'models')
  hubCache = join(folder, 'hub')
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('chooseModel', () => {
  const choose = (more = {}) => chooseModel({ modelsDir, hubCache, ...more })

  test('with takeOnly takes the only usable model, also through links', async () => {
    writeModel(join(folder, 'elsewhere'))
    mkdirSync(modelsDir)
    symlinkSync(join(folder, 'elsewhere'), join(modelsDir, 'linked'))
    writeModel(join(modelsDir, 'strange'), { config: { model_type: 'strange' } })
    expect(await choose({ takeOnly: true })).toEqual({ path: join(modelsDir, 'linked'), name: 'linked', isDemo: false })
  })

  test('does not look into models, hidden folders or broken links', async () => {
    writeModel(join(modelsDir, 'a'))
    writeModel(join(modelsDir, 'a', 'adapter'))
    writeModel(join(modelsDir, '.cache', 'b'))
    symlinkSync(join(folder, 'gone'), join(modelsDir, 'broken'))
    expect((await choose({ takeOnly: true })).name).toBe('a')
  })

  test('without models says where they go and how to get one, and takes the demo only if asked to', async () => {
    await expect(choose({ demo: '/demo' })).rejects.toMatchObject({
      code: 'model_not_found',
      message: expect.stringMatching(
        /^no models in .*models, which does not exist\.\nTo download one:\n {2}tether pull mlx-community\//,
      ),
    })
    expect(await choose({ demo: '/demo', demoIfNone: true })).toEqual({ path: '/demo', name: 'demo', isDemo: true })
  })

  test('says that a folder that was set does not exist, and names the demo model', async () => {
    await expect(choose({ modelsDir: '/nope' })).rejects.toThrow(/^no models in \/nope, which does not exist\.\n/)
    await expect(choose()).rejects.toThrow(/with the demo model.*:\n {2}tether --model demo$/)
  })

  test('says which line of the configuration names a model that is not there', async () => {
    const asked = choose({ model: 'nope', namedIn: '~/.tether/config/config.toml:3' })
    await expect(asked).rejects.toThrow(/^~\/\.tether\/config\/config\.toml:3: no model named nope\. To list all/)
  })

  test('names the faults of models that cannot be used', async () => {
    writeModel(join(modelsDir, 'strange'), { config: { model_type: 'strange' } })
    await expect(choose()).rejects.toThrow(
      /^no model here can be used:\n {2}strange: strange models are not supported yet/,
    )
  })
})
