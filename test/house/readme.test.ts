/** README.md says nothing that the sources do not: its messages, its table of memory. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { loadEngine } from '../../src/engine/load.js'
import { type ContextNeed, contextNeed, longestWindow } from '../../src/models/context-need.js'
import { CHECKPOINTS, checkpoint } from '../support/checkpoints.js'
import { readHeader } from '../support/safetensors.js'
import { tableBelow } from './markdown.js'
import { files, read, root } from './tree.js'

const readme = read('README.md')

describe('the messages in README.md', () => {
  const sources = files.filter((file) => /^(?:src\/.*\.ts|native\/.*\.cpp|scripts\/.*\.mjs)$/.test(file)).map(read)
  const messages = tableBelow(readme, 'Troubleshooting').map(([message = '']) => message)
  /** Whether a file has the parts of the message in this order, close to each other. */
  const isSaid = (message: string) => {
    const parts = message.split('…').map((part) => part.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    const pattern = new RegExp(parts.filter(Boolean).join('[\\s\\S]{1,160}?'))
    return sources.some((source) => pattern.test(source))
  }

  it('are those of the sources', () => {
    expect(messages.length).toBeGreaterThan(10)
    expect(messages.filter((message) => !isSaid(message))).toEqual([])
  })

  it('would be found missing', () => {
    expect(['Claude Code is not installed at all', 'the weights need …, the cap is …'].filter(isSaid)).toEqual([])
  })
})

describe('the table of models that fit', () => {
  interface Memory {
    memoryTable(): string
    parameters(config: object): number
    models: { name: string; config: Record<string, unknown> & { model_type: string } }[]
    fittingWindow(config: object, memory: number): number
  }
  let memory: Memory
  beforeAll(async () => {
    execFileSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'pipe' })
    memory = (await import(join(root, 'bench', 'memory.mjs'))) as Memory
  }, 180_000)

  it('is what bench/memory.mjs computes', () => {
    expect(readme).toContain(`\n\n${memory.memoryTable()}\n\n`)
  })

  it('has the sizes that the models are named after', () => {
    for (const { name, config } of memory.models) {
      // The E of Gemma's small models counts what is in use at a time.
      const named = Number(/ (\d+)B/.exec(name)?.[1] ?? Number.NaN)
      if (Number.isNaN(named)) continue
      expect(Math.abs(memory.parameters(config) / 1e9 / named - 1), name).toBeLessThan(0.16)
    }
  })

  // Not gemma4-b, which has tensors that no layer uses.
  it.each(CHECKPOINTS.filter((name) => /^(?!gemma4-b)(?:gemma[34]|llama|mistral)-[a-d]$/.test(name)))(
    'counts the parameters of %s as they are in its files',
    (name) => {
      const config = JSON.parse(read(join('test/fixtures/checkpoints', name, 'config.json')))
      const text = config.text_config ?? config
      const shapes = Object.entries(readHeader(checkpoint(name)))
      const isOther = /vision|multi_modal|audio/
      const matrices = shapes.filter(([name, shape]) => shape.length > 1 && !isOther.test(name))
      const counted = matrices.reduce((sum, [, shape]) => sum + shape.reduce((a, b) => a * b, 1), 0)
      expect(memory.parameters({ num_key_value_heads: text.num_attention_heads, ...text })).toBe(counted)
    },
  )

  it.each([32, 48, 64])(
    'gives the demo model in %d MB about the window of the engine, and no longer one',
    async (MB) => {
      const cap = MB * 1e6
      const engine = await loadEngine('demo/model', { memoryCap: cap, maxContext: 0 })
      await engine.close()
      const { window, windowLimit, memory: of } = engine.info
      expect(windowLimit).toBe('memory')
      // On a CPU it computes in 32 bits.
      const need = contextNeed(JSON.parse(read('demo/model/config.json')), 4) as ContextNeed
      const computed = longestWindow(cap, of.weights, need)
      expect(computed).toBeLessThanOrEqual(window)
      expect(computed).toBeGreaterThan(0.7 * window)
    },
  )

  it('fits no shorter window into more memory', () => {
    for (const { config } of memory.models) {
      const windows = [8, 16, 24, 32, 64].map((GiB) => memory.fittingWindow(config, GiB * 1024 ** 3))
      expect([...windows].sort((a, b) => a - b)).toEqual(windows)
    }
  })
})
