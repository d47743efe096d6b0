/** The progress line of a download. */
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { progressText, pullProgress } from '../../../src/cli/models/pull-progress.js'

test('the progress of a download names size, percent, speed and time left', () => {
  expect(progressText({ done: 1.2e9, total: 3.4e9, speed: 48e6 })).toBe('1.2 GB of 3.4 GB, 35%, 48 MB/s, 46 s left')
  expect(progressText({ done: 5, total: 5, speed: 9 })).toBe('5 B of 5 B, 100%, verifying')
})

describe('the lines of a pull where nothing can be redrawn', () => {
  const start = () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const said: string[] = []
    const stream = { isTTY: false } as NodeJS.WriteStream
    const progress = pullProgress({ label: 'org/model', host: 'hub.test', stream, say: (line) => said.push(line) })
    onTestFinished(progress.end)
    return { said, progress }
  }

  test('say once that the hub has not answered yet', () => {
    const { said } = start()
    vi.advanceTimersByTime(4900)
    expect(said).toEqual([])
    vi.advanceTimersByTime(30_000)
    expect(said).toEqual(['waiting for hub.test'])
  })

  test('say once that connections that were lost together are tried again', () => {
    const { said, progress } = start()
    progress.begin({ done: 0, total: 2000 })
    for (let i = 0; i < 8; i++) progress.retrying('No answer', 'trying again (2 of 8)')
    progress.retrying('No answer', 'trying again (3 of 8)')
    expect(said).toEqual([
      'org/model: 2.0 KB to download',
      'No answer, trying again (2 of 8)',
      'No answer, trying again (3 of 8)',
    ])
  })

  test('name the size again only if it is another', () => {
    const { said, progress } = start()
    progress.begin({ done: 0, total: 2000 })
    progress.begin({ done: 500, total: 2000 })
    progress.begin({ done: 500, total: 3000 })
    expect(said).toEqual(['org/model: 2.0 KB to download', 'org/model: 2.5 KB to download, 500 B already downloaded'])
  })
})
