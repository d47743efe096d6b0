/** In how many bits keys and values are kept, and that prefixes of one kind are not read as another. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { loadEngine, loadNative } from '../../src/engine/load.js'
import { checkpoint, collect, greedy } from '../support/checkpoints.js'

const DEMO = 'demo/model'

describe('the bits that keys and values are kept in', () => {
  async function kept(folder: string, options: { kvBits?: number; asGpu?: boolean }): Promise<number> {
    const native = await loadNative(folder, options)
    native.close()
    return native.info.kvBits
  }

  test.each([DEMO, checkpoint('llama-a-f16'), checkpoint('llama-a-4bit'), checkpoint('llama-a')])(
    'of %s on a CPU: as computed if nothing sets them',
    async (folder) => {
      expect(await kept(folder, {})).toBe(0)
      expect(await kept(folder, { kvBits: 16 })).toBe(16)
      expect(await kept(folder, { kvBits: 32 })).toBe(0)
    },
  )

  test('are those of the numbers that a GPU computes, but for a checkpoint in float32', async () => {
    expect(await kept(DEMO, { asGpu: true })).toBe(0)
    expect(await kept(DEMO, { asGpu: true, kvBits: 16 })).toBe(0)
    expect(await kept(checkpoint('llama-a'), { asGpu: true })).toBe(0)
    expect(await kept(checkpoint('llama-a'), { asGpu: true, kvBits: 16 })).toBe(16)
  })

  test('tell prefixes on disk apart', async () => {
    const cacheDir = await mkdtemp(join(tmpdir(), 'tether-kv-'))
    onTestFinished(() => rm(cacheDir, { recursive: true }))
    const prompt = Array.from({ length: 900 }, (_, i) => 300 + ((i * 7919) % 2700))
    const cached: number[] = []
    for (const kvBits of [32, 16, 32, 16]) {
      const engine = await loadEngine(DEMO, { kvBits, cacheDir, diskCache: 1e9 })
      const { tokens, finish } = await collect(engine.generate(greedy(prompt, 10)))
      expect(tokens).toHaveLength(10)
      cached.push(finish.cachedTokens)
      await engine.close()
    }
    expect(cached.map((tokens) => tokens > 800)).toEqual([false, false, true, true])
  })
})
