/** The check of a grammar beside the generation that it is for. */
import { expect, test } from 'vitest'
import { begunMeanwhile } from '../../src/turn/hold-answer.js'

function generation() {
  const seen: string[] = []
  async function* parts(): AsyncGenerator<number, void, undefined> {
    seen.push('asked')
    try {
      yield 1
      yield 2
    } finally {
      seen.push('ended')
    }
  }
  return { seen, parts: parts() }
}

test('the engine is asked before the check settles, and each part is given out', async () => {
  const { seen, parts } = generation()
  let settle = () => {}
  const checked = new Promise<void>((resolve) => {
    settle = resolve
  })
  const begun = begunMeanwhile(parts, checked)
  expect(seen).toEqual(['asked'])
  settle()
  const got: number[] = []
  for await (const part of await begun) got.push(part)
  expect(got).toEqual([1, 2])
  expect(seen).toEqual(['asked', 'ended'])
})

test('a check that fails ends the generation', async () => {
  const { seen, parts } = generation()
  await expect(begunMeanwhile(parts, Promise.reject(new Error('not held')))).rejects.toThrow('not held')
  await expect.poll(() => seen).toEqual(['asked', 'ended'])
})

test('leaving early ends the generation', async () => {
  const { seen, parts } = generation()
  for await (const _ of await begunMeanwhile(parts, Promise.resolve())) break
  expect(seen).toEqual(['asked', 'ended'])
})
