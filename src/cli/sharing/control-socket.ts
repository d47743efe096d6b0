/**
 * The socket on which other tethers of this user reach a server. A socket of the file system rather than a route of the
 * server: no web page and no other user can open it, it needs no secret, and a connection ends with the process that has it.
 */
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { makeFolder } from '../../make-folder.js'
import { runFolder } from '../serving/run-folder.js'
import { peerOn } from './json-lines.js'
import type { ToTerminal } from './messages.js'

export interface ControlSocket {
  path: string
  /** Nobody can connect any more, and no file is left. Open connections stay. Safe to call twice. */
  close(): void
}

/** The least of what systems take for the path of a socket: macOS has 103 bytes. */
const longestPath = 100

/** Throws the error of the file system. */
export async function openControl(adopt: (peer: ToTerminal) => void, folder = runFolder()): Promise<ControlSocket> {
  const place = placeIn(folder)
  const server = createServer((socket) => adopt(peerOn(socket)))
  // It may not keep a process alive whose HTTP server is closed.
  server.unref()
  server.listen(place.path)
  await once(server, 'listening')
  // One that could not be accepted, for want of files say, may try again.
  server.on('error', () => {})
  // The folder is private already.
  chmodSync(place.path, 0o600)
  const close = () => {
    process.off('exit', close)
    server.close()
    place.remove()
  }
  process.once('exit', close)
  return { path: place.path, close }
}

/** In a folder of its own where a home is so deep that the system would not take the path. */
function placeIn(folder: string): { path: string; remove: () => void } {
  makeFolder(folder, 0o700)
  chmodSync(folder, 0o700)
  const path = join(folder, `${process.pid}.sock`)
  if (Buffer.byteLength(path) <= longestPath) {
    // Of a process with this id that was killed, or whatever lies in its place.
    rmSync(path, { recursive: true, force: true })
    return { path, remove: () => rmSync(path, { force: true }) }
  }
  const other = join(mkdtempSync(join(tmpdir(), 'tether-')), 'control')
  return { path: other, remove: () => rmSync(dirname(other), { recursive: true, force: true }) }
}
