/** What a start ends with. */
import { expect, test } from 'vitest'
import { attachedLines, readyLines } from '../../../src/cli/serving/ready-lines.js'

const info = {
  name: 'gemma',
  names: ['gemma'],
  device: 'metal',
  kvBits: 0,
  window: 4096,
  trainedWindow: 4096,
  windowLimit: 'checkpoint',
}

test('the names of adapters are listed', () => {
  const names = ['gemma:pirate', 'gemma']
  const lines = readyLines({
    url: 'http://127.0.0.1:8080',
    info: { ...info, name: 'gemma:pirate', names } as never,
    seconds: 2,
  }).split('\n')
  expect(lines[0]).toContain('gemma:pirate ready at')
  expect(lines.at(-1)).toBe('models that requests can name: gemma:pirate, gemma')
})

test.each([
  [undefined, 'gemma, org/b, org/b:pirate, c'],
  ['c', 'gemma, org/b, org/b:pirate, c (for background requests)'],
])('the other models are listed, %s for background requests', (small, names) => {
  const others = [
    { found: { name: 'org/b', path: '/b' }, settings: { adapter: '/adapters/pirate' } },
    { found: { name: 'c', path: '/c' }, settings: {} },
  ]
  const about = { url: 'http://127.0.0.1:8080', info: info as never, more: { others: others as never, small } }
  for (const lines of [readyLines({ ...about, seconds: 2 }), attachedLines({ ...about, terminals: 2 })]) {
    expect(lines.split('\n')).toHaveLength(3)
    expect(lines.split('\n').at(-1)).toBe(`models that requests can name: ${names}`)
  }
})

test('a drafter that was found is named', () => {
  const lines = (drafter?: string) =>
    readyLines({ url: 'http://127.0.0.1:8080', info: { ...info, drafter } as never, seconds: 2 }).split('\n')
  expect(lines()).toHaveLength(2)
  expect(lines('/models/gemma-assistant').at(-1)).toBe('/models/gemma-assistant drafts for it')
})
