/** The progress line of a download. */
import { expect, test } from 'vitest'
import { progressText } from '../../../src/cli/models/pull-progress.js'

test('the progress of a download names size, percent, speed and time left', () => {
  expect(progressText({ done: 1.2e9, total: 3.4e9, speed: 48e6 })).toBe('1.2 GB of 3.4 GB, 35%, 48 MB/s, 46 s left')
  expect(progressText({ done: 5, total: 5, speed: 9 })).toBe('5 B of 5 B, 100%, verifying')
})
