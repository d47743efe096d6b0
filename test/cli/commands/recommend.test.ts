/** `tether recommend` as a program, and its measurement. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readBandwidth } from '../../../src/cli/bench/read-bandwidth.js'
import { useTether } from '../../support/cli-fixture.js'
import { writeModel } from '../../support/model-folders.js'

const tether = useTether()
const run = (...args: string[]) => tether.start(['recommend', ...args]).ended

describe('tether recommend', () => {
  test('lists what fits, the largest first, and marks what is here', async () => {
    const name = 'mlx-community/gemma-4-e2b-it-4bit'
    writeModel(join(tether.place.home, '.tether', 'models', name))
    const { code, stdout } = await run('--memory', '16GB')
    expect(code).toBe(0)
    const lines = stdout.split('\n')
    expect(lines[0]).toMatch(
      /^Of 16 GB of memory tether may take 12 GB\. Memory is read at [\d.]+ [MG]B\/s (measured|by)/,
    )
    expect(lines[2]).toMatch(/^model +parameters +weights +window +tokens\/s +here$/)
    expect(lines.find((line) => line.startsWith(name))).toMatch(/4\.6B +2\.6 GB +128k +[\d.]+ +yes$/)
    expect(stdout).not.toContain('Llama-3.3-70B')
    expect(stdout).toMatch(/To download one:\n {2}tether pull mlx-community\/\S+\n$/)
  })

  test('--all lists what does not fit too, and --json is data', async () => {
    expect((await run('--memory', '16GB', '--all')).stdout).toMatch(/Llama-3\.3-70B-Instruct-8bit .* - +[\d.]+\n/)
    const { memory, memoryCap, models } = JSON.parse((await run('--memory', '16GB', '--json')).stdout)
    expect([memory, memoryCap]).toEqual([16e9, 12e9])
    expect(models[0]).toMatchObject({ repository: expect.any(String), here: false, weights: expect.any(Number) })
  })

  test('says that nothing fits', async () => {
    const { code, stdout } = await run('--memory', '1GB')
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/No model of the list fits[^\n]*\n {2}tether recommend --all\n$/),
    ])
  })

  test('fits a terminal of 40 columns', async () => {
    const terminal = tether.openUntilStatus(['recommend', '--memory', '16GB'], { columns: 40, rows: 60 })
    await terminal.shows('status 0')
    const lines = terminal.screen()
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40)
    // No row is broken by the terminal.
    const rows = lines.slice(lines.findIndex((line) => line.startsWith('model')) + 1)
    expect(rows.slice(0, rows.indexOf('')).filter((line) => !/ {2}\d+k( \*)? +[\d.]+$/.test(line))).toEqual([])
  })

  test.each([[['--memory', 'much']], [['--memory', '0']]])('%j is a mistake', async (args) => {
    const { code, stderr } = await run(...args)
    expect([code, stderr]).toEqual([2, expect.stringContaining('--memory must be a size such as 32GB')])
  })
})

describe('readBandwidth', () => {
  test('takes the specification of an Apple chip that it knows', async () => {
    expect(await readBandwidth('Apple M4 Max')).toEqual({ bytesPerSecond: 546e9, source: 'specification' })
  })
})
