/** Which published models fit, and the speeds that are expected of them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parametersRead, publishedModels } from '../../src/models/published.js'
import { recommend } from '../../src/models/recommend.js'

const machine = { memory: 24e9, element: 2, bytesPerSecond: 100e9, device: 'gpu' } as const
const found = (name: string, more: object = {}) => {
  const one = recommend({ ...machine, ...more }).find(({ repository }) => repository === `mlx-community/${name}`)
  if (!one) throw new Error(`no ${name}`)
  return one
}

describe('the list', () => {
  test('has only names of checkpoints that docs/models.md knows', () => {
    const docs = readFileSync(join(import.meta.dirname, '../../docs/models.md'), 'utf8')
    const names = recommend(machine).map(({ repository }) => repository)
    expect(names.length).toBeGreaterThan(15)
    expect(names.filter((name) => !docs.includes(`| ${name} `))).toEqual([])
  })

  test('reads of a mixture the experts of a token, and no rows of embeddings', () => {
    const readOf = (name: string) => {
      const model = publishedModels.find((one) => one.name === name)
      if (!model) throw new Error(`no ${name}`)
      return parametersRead(model.config) / 1e9
    }
    expect(readOf('Gemma 4 26B-A4B')).toBeGreaterThan(3.5)
    expect(readOf('Gemma 4 26B-A4B')).toBeLessThan(4.2)
    expect(readOf('Gemma 4 E2B')).toBeLessThan(2.5)
    expect(readOf('Llama 3.1 8B')).toBeCloseTo(7.5, 1)
  })
})

describe('recommend', () => {
  test('begins with the largest', () => {
    const sizes = recommend(machine).map(({ parameters }) => parameters)
    expect(sizes).toEqual(sizes.toSorted((one, other) => other - one))
  })

  test('has no window where the weights do not fit', () => {
    expect(found('Llama-3.3-70B-Instruct-4bit').window).toBe(0)
    expect(found('gemma-4-e2b-it-4bit').window).toBe(131_072)
  })

  test('expects a speed in proportion to the bandwidth and to the bits', () => {
    const name = 'Meta-Llama-3.1-8B-Instruct-4bit'
    const { tokensPerSecond } = found(name)
    // 70% of 100 GB/s over 7.5 billion weights of 4.5 bits.
    expect(tokensPerSecond).toBeCloseTo(16.6, 0)
    expect(found(name, { bytesPerSecond: 200e9 }).tokensPerSecond).toBeCloseTo(2 * tokensPerSecond)
    expect(found('Meta-Llama-3.1-8B-Instruct-8bit').tokensPerSecond).toBeCloseTo((tokensPerSecond * 4.5) / 8.5)
    expect(found(name, { device: 'cpu' }).tokensPerSecond).toBeCloseTo((tokensPerSecond * 5) / 7)
  })
})
