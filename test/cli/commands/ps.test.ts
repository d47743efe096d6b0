/** The table of tether ps. */
import { expect, test } from 'vitest'
import { shown } from '../../../src/cli/commands/ps.js'
import type { ModelReport } from '../../../src/index.js'

const about = { pid: 7, model: 'first', url: 'http://127.0.0.1:8080', started: '2026-01-01T00:00:00.000Z' }
const model = (name: string, state: ModelReport['state'], progress?: number): ModelReport => ({
  ...{ name, state, progress, live: 0, queued: 0, weights: 1, prefix: 0 },
  tokens: { prompt: 0, cached: 0, output: 0 },
})

test.each<[string, ModelReport[] | undefined]>([
  ['first', undefined],
  ['first, c (40%)', [model('first', 'ready'), model('b', 'unloaded'), model('c', 'loading', 0.4)]],
  ['b, first (waits)', [model('b', 'ready'), model('first', 'loading'), model('c', 'failed')]],
  ['first', [model('first', 'unloaded'), model('b', 'unloaded')]],
])('names those that are loaded: %s', (text, models) => {
  const [, row] = shown([{ ...about, models }]).split('\n')
  expect(row?.split(/ {2,}/)[0]).toBe(text)
})
