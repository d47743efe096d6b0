import { Writable } from 'node:stream'
import { afterEach, expect, test, vi } from 'vitest'
import { watchOutput } from '../../src/cli/terminal/lost-output.js'

/** As of a file or a pipe that fails with this code. */
function failing(code: string): NodeJS.WriteStream {
  const write: Writable['_write'] = (_chunk, _encoding, done) =>
    done(Object.assign(new Error(`${code}: why`), { code }))
  return new Writable({ write }) as unknown as NodeJS.WriteStream
}

const says = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
afterEach(() => says.mockClear())

test.each([
  ['ENOSPC', 0, 1],
  ['EIO', 0, 1],
  ['ENOSPC', 2, 2],
  ['EPIPE', 0, 0],
])('output that fails with %s makes the exit status %i %i', async (code, status, wanted) => {
  const stream = failing(code)
  const atEnd = watchOutput(stream)
  stream.write('a list')
  expect(await atEnd(status)).toBe(wanted)
  const said = wanted !== status ? [[`tether: the output cannot be written: ${code}: why\n`]] : []
  expect(says.mock.calls).toEqual(said)
  expect(stream.listenerCount('error')).toBe(0)
})

test('output that is written leaves the exit status as it is', async () => {
  const stream = new Writable({ write: (_chunk, _encoding, done) => done() }) as unknown as NodeJS.WriteStream
  const atEnd = watchOutput(stream)
  stream.write('a list')
  expect(await atEnd(0)).toBe(0)
})
