/** tether bench: what is measured and how it is shown. */
import { describe, expect, test } from 'vitest'
import { UsageError } from '../../../src/cli/args.js'
import { type BenchRow, measure } from '../../../src/cli/bench/measure.js'
import { benchReport } from '../../../src/cli/bench/report.js'
import { readBenchFlags } from '../../../src/cli/commands/bench.js'
import type { Model } from '../../../src/load-model.js'
import type { GeneratedText, GenerateOptions, ModelInfo } from '../../../src/model/types.js'
import { useTether } from '../../support/cli-fixture.js'

const tether = useTether()

/** Reads 1000 tokens a second and writes 100. */
function steadyModel(window: number) {
  const prompts: number[][] = []
  async function* generate({ tokens, maxTokens = 1 }: GenerateOptions): AsyncGenerator<GeneratedText, void, undefined> {
    const prompt = [...(tokens ?? [])]
    prompts.push(prompt)
    const finish = {
      reason: 'length' as const,
      promptTokens: prompt.length,
      cachedTokens: 0,
      createdTokens: 0,
      computedTokens: prompt.length,
      miss: null,
      outputTokens: maxTokens,
      queueSeconds: 0,
      prefillSeconds: prompt.length / 1000,
      decodeSeconds: (maxTokens - 1) / 100,
      draftedTokens: 0,
      acceptedTokens: 0,
    }
    yield { text: '', tokens: new Int32Array(maxTokens), finish }
  }
  return {
    model: { info: { vocabSize: 50, window }, generate } as unknown as Pick<Model, 'info' | 'generate'>,
    prompts,
  }
}

describe('measure', () => {
  test('runs each length several times, with different tokens each time', async () => {
    const { model, prompts } = steadyModel(1000)
    const seen: number[] = []
    const rows = await measure(model, { prompts: [100, 300, 2000], tokens: 11, runs: 3 }, (done, all) =>
      seen.push(done / all),
    )
    expect(rows.map(({ prompt }) => prompt)).toEqual([100, 300])
    for (const { prefill, decode } of rows) {
      expect(prefill.median).toBeCloseTo(1000)
      expect(decode.median).toBeCloseTo(100)
    }
    const measured = prompts.slice(1)
    expect(measured.map((prompt) => prompt.length)).toEqual([100, 100, 100, 300, 300, 300])
    expect(new Set(measured.map(String)).size).toBe(6)
    expect(Math.max(...measured.flat())).toBeLessThan(50)
    expect([seen[0], seen.at(-1)]).toEqual([0, 1])
  })
})

describe('the report of a benchmark', () => {
  const speed = (median: number) => ({ median, spread: [median * 0.9, median * 1.1] as [number, number] })
  const rows: BenchRow[] = [
    { prompt: 512, prefill: speed(3000), decode: speed(250) },
    { prompt: 8192, prefill: speed(1500), decode: speed(125) },
  ]
  const info = { parameters: 2.5e9, quantization: '4-bit', computeDtype: 'bfloat16', device: 'metal' } as ModelInfo

  test.each([40, 80, 200])('fits %i columns', (width) => {
    const text = benchReport({ name: 'gemma', info, rows, width })
    const bars = text.split('\n').filter((line) => line.includes('█'))
    expect(bars).toHaveLength(4)
    expect(text.split('\n').filter((line) => line.length > width)).toEqual([])
    expect(text).toMatch(/^ *512 .*3000/m)
    expect(text.includes('min..max')).toBe(width >= 80)
  })

  test('draws half the speed half as long', () => {
    const text = benchReport({ name: 'gemma', info, rows, width: 80 })
    const [whole = 0, half = 0] = text
      .split('\n')
      .flatMap((line) => (line.includes('█') ? [line.split('█').length - 1] : []))
    expect(half * 2).toBeGreaterThanOrEqual(whole - 1)
    expect(half * 2).toBeLessThanOrEqual(whole + 1)
    expect(text).toContain('2500 M parameters, 4-bit, computed in bfloat16 on metal')
    expect(text).toContain('2700..3300')
  })
})

describe('flags of tether bench', () => {
  test('have defaults', () => {
    expect(readBenchFlags({})).toEqual({ prompts: [512, 2048, 8192], tokens: 64, runs: 3 })
    expect(readBenchFlags({ prompts: '16, 32', tokens: '8', runs: '1' })).toEqual({
      prompts: [16, 32],
      tokens: 8,
      runs: 1,
    })
  })

  test.each<Record<string, string>>([
    { prompts: '12,x' },
    { prompts: '' },
    { tokens: '1' },
    { runs: '0' },
    { runs: '1.5' },
  ])('%j are rejected', (flags) => {
    expect(() => readBenchFlags(flags)).toThrow(UsageError)
  })
})

describe('tether bench', () => {
  const bench = (args: string[], env?: Record<string, string>) =>
    tether.start(['bench', tether.demo, ...args], env).ended

  test('prints a table on stdout', async () => {
    const { code, stdout } = await bench(['--prompts', '100,400', '--tokens', '11', '--runs', '2'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^demo: 2000 M parameters, 4-bit, computed in f32 on cpu\n/)
    expect(stdout).toMatch(/\n +100 +1000 +1000\.\.1000 +100 +100\.\.100\n +400 +1000 /)
  })

  test('--json prints JSON; a prompt that does not fit is skipped with a message on stderr', async () => {
    const args = ['--prompts', '100,70000', '--runs', '1', '--json']
    const { code, stdout, stderr } = await bench(args)
    expect(code).toBe(0)
    const { model, rows } = JSON.parse(stdout) as { model: string; rows: { prompt: number }[] }
    expect([model, rows.map(({ prompt }) => prompt)]).toEqual(['demo', [100]])
    expect(stderr).toContain('70000 + 64 tokens do not fit into the window of 65536, skipped')
  })

  test('a skipped prompt is reported on a line of its own', async () => {
    const terminal = tether.openUntilStatus(['bench', tether.demo, '--prompts', '100,70000'], { columns: 100 })
    await terminal.shows('status 0')
    expect(terminal.screen()).toContain('tether: 70000 + 64 tokens do not fit into the window of 65536, skipped')
  })

  test('exits with status 1 if no prompt fits', async () => {
    const { code, stdout } = await bench(['--prompts', '70000'])
    expect([code, stdout]).toEqual([1, ''])
  })

  test.each([
    [['--tokens', '1'], '--tokens must be a whole number of at least 2, not 1'],
    [['--prompts', '512,many'], '--prompts must be a whole number of at least 1, not many'],
    [['--runs', '0'], '--runs must be a whole number of at least 1, not 0'],
    [['another'], 'another is not expected after tether bench'],
  ])('%j exits with status 2', async (args, message) => {
    const { code, stdout, stderr } = await bench(args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(`tether: ${message}\nFor help:\n  tether help bench\n`)
  })

  test.each([
    ['loads', { FAKE_LOAD_MS: '20000' }, 'Loading'],
    ['measures', { FAKE_GENERATE_MS: '20000' }, 'Measuring'],
  ])('Ctrl-C while it %s ends it and shows the cursor again', async (_, env, sign) => {
    const terminal = tether.openUntilStatus(['bench', tether.demo], { env })
    await terminal.shows(sign)
    expect(terminal.state().cursor).toBe(false)
    await terminal.press('\u0003', 'status 130')
    expect(terminal.state().cursor).toBe(true)
    expect(terminal.screen().join('')).not.toContain(sign)
  })

  test('a model that cannot be loaded is reported on a line without a progress bar', async () => {
    const env = { FAKE_LOAD_ERROR: 'layer 7 is damaged' }
    const terminal = tether.openUntilStatus(['bench', tether.demo], { env })
    await terminal.shows('status 1')
    expect(terminal.screen()).toContain('tether: layer 7 is damaged')
    expect(terminal.state().cursor).toBe(true)
  })
})
