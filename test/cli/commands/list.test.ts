/** What `tether --list` prints. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ListOptions, listModels } from '../../../src/cli/commands/list.js'
import { describeModels } from '../../../src/models/describe-models.js'
import { writeModel } from '../../support/model-folders.js'

let modelsDir: string
let hubCache: string
beforeEach(() => {
  modelsDir = mkdtempSync(join(tmpdir(), 'tether-list-test-'))
  hubCache = join(modelsDir, '.hub')
})
afterEach(() => rmSync(modelsDir, { recursive: true }))

const list = (options: Partial<ListOptions> = {}) => listModels({ modelsDir, hubCache, element: 2, ...options })

describe('listModels', () => {
  test('aligns its columns', async () => {
    writeModel(join(modelsDir, 'a'))
    writeModel(join(modelsDir, 'organization', 'longer-name'))
    expect((await list()).split('\n')).toEqual([
      'name                      family  stored as    size  window  fits',
      'a                         llama   bf16       218 KB      8k  yes',
      'organization/longer-name  llama   bf16       218 KB      8k  yes',
      '',
    ])
  })

  test.each([20, 30, 40, 60, 80])('fits %i columns', async (width) => {
    writeModel(join(modelsDir, 'mlx-community', 'gemma-4-e2b-it-with-a-very-long-name-4bit'))
    writeModel(join(modelsDir, '模型'.repeat(20)))
    const lines = (await list({ width })).split('\n').slice(0, 3)
    const columns = (line: string) => [...line].reduce((sum, letter) => sum + (letter > '\u2e80' ? 2 : 1), 0)
    for (const line of lines) expect(columns(line)).toBeLessThanOrEqual(width)
    expect(lines[1]).toMatch(/^mlx-.*….*4bit/)
    if (width >= 30) expect(lines[1]).toMatch(/yes$/)
  })

  test('lists faults below the table, without control characters of a name', async () => {
    writeModel(join(modelsDir, 'evil\u001b[2J'), { config: { model_type: 'strange' } })
    const text = await list()
    expect(text).not.toContain('\u001b')
    expect(text).toContain('unsupported\n\nevil?[2J: strange models are not supported yet')
  })

  test.each([50, 80])('wraps faults between words in %i columns, without the path of a folder', async (width) => {
    writeFileSync(join(writeModel(join(modelsDir, 'broken')), 'config.json'), '[]')
    rmSync(join(writeModel(join(modelsDir, 'no-tokenizer')), 'tokenizer.json'))
    writeModel(join(modelsDir, 'strange'), { config: { model_type: 'strange' } })
    const faults = (await list({ width })).split('\n\n')[1] ?? ''
    const lines = faults.trimEnd().split('\n')
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(width)
    expect(faults).toMatch(/^broken: config\.json is not /)
    expect(faults).toMatch(/^no-tokenizer: tokenizer\.json cannot be read/m)
    expect(faults).not.toContain(modelsDir)
    expect(lines.every((line) => /^(\S+: | {2}\S)/.test(line))).toBe(true)
    // Nothing is lost.
    const whole = (await list()).split('\n\n')[1]
    expect(faults.replaceAll('\n  ', ' ')).toBe(whole)
  })

  test('prints colours only if asked to', async () => {
    writeModel(join(modelsDir, 'a'))
    expect(await list()).not.toContain('\u001b')
    expect(await list({ colors: true })).toContain('\u001b[2mname')
  })

  test('prints JSON on request', async () => {
    writeModel(join(modelsDir, 'a'))
    expect(JSON.parse(await list({ json: true }))).toEqual(await describeModels(modelsDir, { hubCache, element: 2 }))
  })

  test('without models says where they go', async () => {
    const text = await list({ modelsDir: join(modelsDir, 'none') })
    expect(text).toMatch(/^no models in .*none, which does not exist\.\nTo download one:\n {2}tether pull /)
    expect(JSON.parse(await list({ json: true }))).toEqual([])
  })
})
