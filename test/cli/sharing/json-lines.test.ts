/** Messages over a socket: whole, in order, and nothing else. */
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ControlSocket, openControl } from '../../../src/cli/sharing/control-socket.js'
import { connectPeer } from '../../../src/cli/sharing/json-lines.js'
import type { Ask, Tell, ToTerminal } from '../../../src/cli/sharing/messages.js'
import { until } from '../../support/until.js'

let folder: string
let control: ControlSocket
let adopted: Promise<ToTerminal>
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tether-lines-test-'))
  let adopt: (peer: ToTerminal) => void = () => {}
  adopted = new Promise((resolve) => {
    adopt = resolve
  })
  control = await openControl((peer) => adopt(peer), folder)
})
afterEach(() => {
  control.close()
  rmSync(folder, { recursive: true })
})

test('the socket is private, and is gone once it is closed', async () => {
  expect(statSync(control.path).mode & 0o777).toBe(0o600)
  control.close()
  control.close()
  expect(statSync(control.path, { throwIfNoEntry: false })).toBeUndefined()
  await expect(connectPeer(control.path)).rejects.toThrow()
})

test('messages come whole and in order, also in pieces, and those that nobody hears yet are kept', async () => {
  const socket = connect(control.path)
  await once(socket, 'connect')
  const server = await adopted
  const text = '{"type":"watch"}\n{"type":"attach","key":"schlüssel","pid":1}\n{"type":"report"}\n'
  const bytes = Buffer.from(text)
  for (let i = 0; i < bytes.length; i += 7) {
    socket.write(bytes.subarray(i, i + 7))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await new Promise((resolve) => setTimeout(resolve, 50))
  const heard: Ask[] = []
  server.onMessage((message) => {
    heard.push(message)
    if (message.type === 'attach') server.onMessage(undefined)
  })
  // The rest may be on its way still.
  await until(() => heard.length === 2)
  expect(heard).toEqual([{ type: 'watch' }, { type: 'attach', key: 'schlüssel', pid: 1 }])
  server.onMessage((message) => heard.push(message))
  await until(() => heard.length === 3)
  expect(heard.at(-1)).toEqual({ type: 'report' })
  socket.destroy()
  await server.closed
})

test.each([
  ['no JSON', 'GET / HTTP/1.1\r\n\r\n'],
  ['a line without an end', 'x'.repeat(5 * 2 ** 20)],
])('%s ends the connection', async (_, text) => {
  const socket = connect(control.path)
  socket.on('error', () => {})
  socket.write(text)
  const server = await adopted
  server.onMessage(() => {})
  await server.closed
})

test('what was sent before the end arrives', async () => {
  const terminal = await connectPeer<Tell, Ask>(control.path)
  const heard: string[] = []
  terminal.onMessage(({ type }) => heard.push(type))
  const server = await adopted
  server.send({ type: 'stopping' })
  server.end()
  await terminal.closed
  expect(heard).toEqual(['stopping'])
})
