/** `tether cache` as a program: its table, its JSON, and what it deletes. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { writeAbout } from '../../../src/prefixes/about.js'
import { useTether } from '../../support/cli-fixture.js'
import { writeRecord } from '../../support/kept-prefixes.js'

const tether = useTether()
const [one, two] = ['0123456789abcdef'.repeat(2), 'fedcba9876543210'.repeat(2)]
const folder = () => join(tether.place.home, '.tether', 'cache', 'prefixes')
const files = (name: string) => readdirSync(join(folder(), name))
const run = (...args: string[]) => tether.start(['cache', ...args]).ended

function keep(fingerprint: string, model?: string): void {
  const at = join(folder(), fingerprint)
  if (model) writeAbout(at, { model, path: `/models/${model}` })
  writeRecord(at, { block: 'a', hits: 12, payload: 2_000_000 })
  writeRecord(at, { block: 'b', parent: 'a', tokens: 100 })
}

describe('tether cache', () => {
  test('says that there is nothing, and writes no file', async () => {
    const { code, stdout, stderr } = await run()
    expect([code, stdout, stderr]).toEqual([0, 'Nothing is kept in ~/.tether/cache/prefixes.\n', ''])
    expect(existsSync(join(tether.place.home, '.tether'))).toBe(false)
  })

  test('lists each model, by its name if there is one', async () => {
    keep(one, 'org/gemma')
    keep(two)
    const { code, stdout } = await run()
    expect(code).toBe(0)
    const [head, ...rows] = stdout.split('\n\n')[0]?.split('\n') ?? []
    expect(head).toMatch(/^model +size +blocks +sessions +tokens +hits +last used$/)
    expect(rows.toSorted()).toEqual([
      expect.stringMatching(/^fedcba98\S{24} +2\.0 MB +2 +1 +356 +12 +20\d\d-\d\d-\d\d \d\d:\d\d$/),
      expect.stringMatching(/^org\/gemma {25}2\.0 MB/),
    ])
    expect(stdout).toMatch(/\n4\.0 MB in ~\/\.tether\/cache\/prefixes\. To delete it:\n {2}tether cache clear\n$/)
  })

  test('drops columns that a narrow terminal has no room for', async () => {
    keep(one, 'org/gemma')
    const terminal = tether.openUntilStatus(['cache'], { columns: 50 })
    await terminal.shows('status 0')
    expect(terminal.screen().slice(0, 2)).toEqual([
      expect.stringMatching(/^model +size +tokens +hits +last used$/),
      expect.stringMatching(/^org\/gemma +2\.0 MB +356 +12 +20\d\d-\d\d-\d\d \d\d:\d\d$/),
    ])
  })

  test('--json has the numbers', async () => {
    keep(one, 'org/gemma')
    writeFileSync(join(folder(), 'notes.txt'), '')
    const { stdout } = await run('--json')
    expect(JSON.parse(stdout)).toEqual({
      folder: folder(),
      models: [
        {
          fingerprint: one,
          model: 'org/gemma',
          path: '/models/org/gemma',
          bytes: 1152 + 2_000_000 + 512 + 1000,
          blocks: 2,
          sessions: 1,
          tokens: 356,
          hits: 12,
          lastUsed: expect.stringMatching(/^20.*Z$/),
        },
      ],
      foreign: [{ path: join(folder(), 'notes.txt'), why: 'unknown' }],
    })
  })
})

describe('tether cache clear', () => {
  test('deletes everything and says how much, without a question', async () => {
    keep(one, 'org/gemma')
    keep(two)
    const { code, stdout, stderr } = await run('clear')
    expect([code, stdout]).toEqual([0, ''])
    expect(stderr).toBe('tether: 4.0 MB freed: 4 files of ~/.tether/cache/prefixes deleted\n')
    expect([files(one), files(two)]).toEqual([['about.json'], []])
    expect((await run('clear')).stderr).toBe('tether: nothing is kept in ~/.tether/cache/prefixes\n')
  })

  test.each(['org/gemma', 'gemma', '/models/org/gemma', '01234567'])(
    'deletes that of the model %s alone',
    async (name) => {
      keep(one, 'org/gemma')
      keep(two, 'org/llama')
      expect((await run('clear', name)).code).toBe(0)
      expect([files(one), files(two).length]).toEqual([['about.json'], 3])
    },
  )

  test('of an unknown model deletes nothing and names the nearest', async () => {
    keep(one, 'org/gemma')
    const { code, stderr } = await run('clear', 'gema')
    expect(code).toBe(1)
    expect(stderr).toBe(
      'tether: nothing is kept of gema. Did you mean org/gemma? To see what is kept:\n  tether cache\n',
    )
    expect(files(one).length).toBe(3)
  })

  test('names what it leaves alone, and does not delete it', async () => {
    keep(one)
    writeFileSync(join(folder(), one, 'notes.txt'), 'mine')
    const { stderr } = await run('clear')
    expect(stderr).toContain(`tether: left alone: ~/.tether/cache/prefixes/${one}/notes.txt (not one of tether's)\n`)
    expect(files(one)).toEqual(['notes.txt'])
  })

  test.each([
    [['clean'], 'unknown action clean. Did you mean clear?'],
    [['clear', 'a', 'b'], 'b is not expected after tether cache'],
    [['clear', '--json'], '--json is for the list'],
  ])('%j is a mistake', async (args, message) => {
    const { code, stderr } = await run(...args)
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)])
  })
})
