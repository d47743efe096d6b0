/** What a start ends with. */
import { expect, test } from 'vitest'
import { readyLines } from '../../../src/cli/serving/ready-lines.js'

test('a drafter that was found is named', () => {
  const info = {
    name: 'gemma',
    device: 'metal',
    kvBits: 0,
    window: 4096,
    trainedWindow: 4096,
    windowLimit: 'checkpoint',
  }
  const lines = (drafter?: string) =>
    readyLines({ url: 'http://127.0.0.1:8080', info: { ...info, drafter } as never, seconds: 2 }).split('\n')
  expect(lines()).toHaveLength(2)
  expect(lines('/models/gemma-assistant').at(-1)).toBe('/models/gemma-assistant drafts for it')
})
