/** Descriptions of models that are kept for the next time: used while nothing has changed, and never when something has. */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DescribeOptions, describeModels } from '../../src/models/describe-models.js'
import { writeModel } from '../support/model-folders.js'

let base: string
let models: string
let cache: string
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'tether-kept-'))
  models = join(base, 'models')
  cache = join(base, 'cache', 'models.json')
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

const list = (options: DescribeOptions = {}) =>
  describeModels(models, { hubCache: join(base, 'none'), cache, ...options })
const labels = async (options?: DescribeOptions) =>
  Object.fromEntries((await list(options)).map(({ name, quantization, fault }) => [name, quantization ?? fault]))

/** A kept description says that it is kept, to see whether it is used. */
function mark() {
  writeFileSync(cache, readFileSync(cache, 'utf8').replaceAll('"quantization":"bf16"', '"quantization":"kept"'))
}

/** The file with another dtype of the same size, and a header of the same length. */
function asF16(file: string): string {
  return readFileSync(file, 'latin1').replaceAll('"BF16"', '"F16" ')
}

/** Until the folders have not changed for a while. */
const settled = () => sleep(2100)

/** Five models, described and kept. */
async function kept() {
  for (const name of ['a', 'b', 'c', 'd', 'e']) writeModel(join(models, name))
  await settled()
  await list()
  mark()
}

describe('kept descriptions', () => {
  test('are used where nothing has changed, and nowhere else', async () => {
    await kept()
    expect(await labels()).toEqual({ a: 'kept', b: 'kept', c: 'kept', d: 'kept', e: 'kept' })
    // Of the same size and with the time it had before.
    const file = join(models, 'a', 'model.safetensors')
    const { atime, mtime } = statSync(file)
    writeFileSync(file, asF16(file), 'latin1')
    utimesSync(file, atime, mtime)
    rmSync(join(models, 'b', 'tokenizer.json'))
    writeFileSync(join(models, 'c', 'adapter_config.json'), '{}')
    writeModel(join(base, 'other'))
    const weights = join(base, 'other', 'model.safetensors')
    writeFileSync(weights, asF16(weights), 'latin1')
    renameSync(join(models, 'd'), join(base, 'gone'))
    renameSync(join(base, 'other'), join(models, 'd'))
    expect(await labels()).toEqual({
      a: 'f16',
      b: expect.not.stringMatching('kept'),
      c: 'bf16',
      d: 'f16',
      e: 'kept',
    })
  })

  test('are used for any memory and window, and the verdict fits what is wanted', async () => {
    await kept()
    const verdicts = async (options: DescribeOptions) => {
      const models = await list(options)
      expect(models.map(({ quantization }) => quantization)).toEqual(Array(5).fill('kept'))
      return models.map(({ fits, fittingWindow }) => [fits, fittingWindow])
    }
    expect(await verdicts({ memory: 1e9 })).toEqual(Array(5).fill(['yes', 8192]))
    expect(await verdicts({ memory: 1e9, maxContext: 4096 })).toEqual(Array(5).fill(['yes', 4096]))
    expect(await verdicts({ memory: 1000 })).toEqual(Array(5).fill(['no', undefined]))
  })

  test('are not used after a template in the folder of more templates was changed', async () => {
    const more = join(writeModel(join(models, 'a')), 'additional_chat_templates')
    mkdirSync(more)
    writeFileSync(join(more, 'tool_use.jinja'), 'a')
    await settled()
    await list()
    mark()
    expect(await labels()).toEqual({ a: 'kept' })
    writeFileSync(join(more, 'tool_use.jinja'), 'b')
    expect(await labels()).toEqual({ a: 'bf16' })
  })

  test('are dropped with their models, and are readable by nobody else', async () => {
    await kept()
    expect(statSync(cache).mode & 0o777).toBe(0o600)
    rmSync(join(models, 'a'), { recursive: true })
    await list()
    expect(Object.keys(JSON.parse(readFileSync(cache, 'utf8')).models)).toEqual(
      ['b', 'c', 'd', 'e'].map((name) => join(models, name)),
    )
  })

  test('are not made of a folder that has just changed', async () => {
    writeModel(join(models, 'a'))
    await list()
    expect(() => readFileSync(cache)).toThrow('ENOENT')
  })
})

describe('a file that cannot be used', () => {
  const whole = async () => {
    for (const name of ['a', 'b']) writeModel(join(models, name))
    await settled()
    await list()
    return JSON.parse(readFileSync(cache, 'utf8'))
  }

  test('is replaced', async () => {
    const good = await whole()
    const [path] = Object.keys(good.models)
    const entry = good.models[path as string]
    const damaged: unknown[] = [
      '{',
      '[]',
      'null',
      JSON.stringify({ ...good, made: 'another' }),
      JSON.stringify({ ...good, models: null }),
      JSON.stringify({ ...good, models: [1, null, 'x'] }),
      ...[null, 1, { stamp: entry.stamp }, { ...entry, description: {} }].map((one) =>
        JSON.stringify({ ...good, models: { ...good.models, [path as string]: one } }),
      ),
      ...[{ state: 'fine' }, { size: 'big' }, { family: 7 }, { need: 1 }, { need: { perToken: 1 } }].map((wrong) => {
        const description = { ...entry.description, ...wrong }
        return JSON.stringify({ ...good, models: { ...good.models, [path as string]: { ...entry, description } } })
      }),
    ]
    const expected = await describeModels(models, { hubCache: join(base, 'none') })
    for (const text of damaged) {
      writeFileSync(cache, text as string)
      expect(await list()).toEqual(expected)
      expect(JSON.parse(readFileSync(cache, 'utf8'))).toEqual(good)
    }
  })

  test('does no harm where it cannot be written', async () => {
    const good = await whole()
    rmSync(join(base, 'cache'), { recursive: true })
    writeFileSync(join(base, 'cache'), '')
    expect((await list()).length).toBe(Object.keys(good.models).length)
  })
})
