/** Names of a model's adapters, and what each name generates. */
import { mkdir, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { loadModel } from '../../src/load-model.js'
import { adapterNames, openAdapters } from '../../src/model/adapters.js'
import type { LoadedModel } from '../../src/model/types.js'
import { mergedWith, writeAdapter } from '../support/adapters.js'
import { checkpoint, rejection } from '../support/checkpoints.js'

const named = (...names: string[]) => names.map((name) => ({ name }))

describe('the names of a model', () => {
  test.each<[string, string[], string[]]>([
    ['demo', [], ['demo']],
    ['demo', ['pirate'], ['demo:pirate', 'demo']],
    ['org/demo', ['pirate', 'poet'], ['org/demo', 'org/demo:pirate', 'org/demo:poet']],
  ])('%s with the adapters %j are %j', (base, adapters, names) => {
    const { name, all } = adapterNames(base, named(...adapters))
    expect(all).toEqual(names)
    expect(name).toBe(names[0])
  })

  test.each<[string | undefined, string[], number]>([
    [undefined, [], 0],
    ['org/demo', [], 0],
    ['demo', [], 0],
    ['other:pirate', [], 0],
    [undefined, ['pirate'], 1],
    ['claude-haiku-4-5', ['pirate'], 1],
    ['org/demo', ['pirate'], 0],
    ['demo', ['pirate'], 0],
    ['org/demo:pirate', ['pirate'], 1],
    ['demo:pirate', ['pirate'], 1],
    ['other:poet', ['pirate', 'poet'], 0],
    [undefined, ['pirate', 'poet'], 0],
    ['org/demo:poet', ['pirate', 'poet'], 2],
    ['org/demo:a:b', ['a', 'a:b'], 2],
  ])('%s beside the adapters %j asks for number %d', (model, adapters, number) => {
    expect(adapterNames('org/demo', named(...adapters)).numberOf(model)).toBe(number)
  })

  test.each([
    ['org/demo', ['pirate'], 'org/demo:pirate, org/demo'],
    ['org/demo', [], 'org/demo'],
    ['a:b', [], 'a:b'],
  ])('of %s with the adapters %j an adapter that is not loaded is refused', (base, adapters, names) => {
    const { numberOf } = adapterNames(base, named(...adapters))
    const why = `${base} has no adapter po\\x1bet. The names of this model are ${names}.`
    expect(() => numberOf(`${base}:po\u001bet`)).toThrow(why)
    expect(() => numberOf(`${base.split('/').at(-1)}:po\u001bet`)).toThrow(why)
    expect(() => numberOf(`${base}:`)).toThrow(`${base} has no adapter . `)
  })

  test('a folder’s name cannot begin a line', async () => {
    const folder = await writeAdapter(checkpoint('llama-a'), { seed: 1, name: 'a\nb\x1b[31m' })
    expect(openAdapters([folder])[0]?.name).toBe('a\\nb\\x1b[31m')
  })

  test('two adapters with one name are refused', async () => {
    const one = await writeAdapter(checkpoint('llama-a'), { seed: 1, name: 'same' })
    const other = await writeAdapter(checkpoint('llama-a'), { seed: 2, name: 'same' })
    expect(() => openAdapters([one, other])).toThrow(`${one} and ${other} have the same name`)
    await mkdir(join(dirname(other), 'x'))
    const renamed = join(dirname(other), 'x', 'third')
    await rename(other, renamed)
    expect(openAdapters([one, renamed]).map(({ name }) => name)).toEqual(['same', 'third'])
  })
})

describe('a model with adapters', () => {
  let folders: string[] = []
  const BASE = 'demo/model'
  const adapter = (seed: number) => ({ seed, name: `lora-${seed}`, scale: 12 })
  const prompt = {
    prompt: '<|turn>user\nSay pineapple.<turn|>\n<|turn>model\n',
    maxTokens: 12,
    temperature: 0,
    ignoreStop: true,
  }

  const text = async (model: LoadedModel, name?: string) => {
    let all = ''
    for await (const part of model.generate({ ...prompt, model: name })) all += part.text
    return all
  }
  const open = async (dir: string, adapters: string[] = []) => {
    const model = await loadModel(dir, { adapters, name: 'demo' })
    onTestFinished(() => model.close())
    return model
  }

  test('generates by name what the merged weights generate, and by default with its only one', async () => {
    folders = [await writeAdapter(BASE, adapter(1)), await writeAdapter(BASE, adapter(2))]
    const plain = await text(await open(BASE))
    const merged = [
      await text(await open(await mergedWith(BASE, adapter(1)))),
      await text(await open(await mergedWith(BASE, adapter(2)))),
    ]
    expect(new Set([plain, ...merged]).size).toBe(3)

    const two = await open(BASE, folders)
    expect(two.info.names).toEqual(['demo', 'demo:lora-1', 'demo:lora-2'])
    expect(await Promise.all([undefined, 'demo:lora-1', 'demo:lora-2', 'demo'].map((name) => text(two, name)))).toEqual(
      [plain, ...merged, plain],
    )

    const one = await open(BASE, folders.slice(0, 1))
    expect(one.info.name).toBe('demo:lora-1')
    expect([await text(one), await text(one, 'demo')]).toEqual([merged[0], plain])
    expect(await one.score([5, 6, 7])).toEqual(await one.score([5, 6, 7], 'demo:lora-1'))
    expect(await one.score([5, 6, 7])).not.toEqual(await one.score([5, 6, 7], 'demo'))
    expect((await rejection(one.score([5, 6], 'demo:x'))).code).toBe('model_not_found')
  })

  test('that is no adapter is refused before the weights are read', async () => {
    let progress = 0
    const loading = loadModel(BASE, { adapters: ['/nowhere'], onProgress: () => progress++ })
    expect((await rejection(loading)).message).toContain('/nowhere is not a LoRA adapter')
    expect(progress).toBe(0)
  })
})
