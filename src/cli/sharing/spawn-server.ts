/** Starts a server as a process of its own, which outlives the terminal if others use it. */
import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { basename, join } from 'node:path'
import { serverEntry } from '../command-table.js'
import { packageRoot } from '../package.js'
import { runFolder } from '../serving/run-folder.js'
import { peerOn } from './json-lines.js'
import type { Ask, ServePlan, Tell, ToServer } from './messages.js'

/** The end of its connection that a server process has: the other end is the terminal's that started it. */
export const starterFd = 3

export interface SpawnedServer {
  peer: ToServer
  /** How the process ended, in words; once it did. */
  ended: Promise<string>
}

/**
 * `onOutput` gets what it prints. In a session of its own, so that no key of the terminal reaches it. The plan goes over the
 * connection, since it has keys in it; the arguments only tell people who list processes what this one is.
 */
export function spawnServer(plan: ServePlan, onOutput: (text: string) => void): SpawnedServer {
  const words = [...process.execArgv, programOfServer(), serverEntry, plan.found.name, runFolder()]
  const child = spawn(process.execPath, words, { detached: true, stdio: ['ignore', 'ignore', 'pipe', 'pipe'] })
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) =>
      resolve(signal ? `it was ended by ${signal}` : `it ended with status ${code}`),
    )
  })
  child.stderr?.setEncoding('utf8').on('data', onOutput)
  const peer = peerOn<Tell, Ask>(child.stdio[starterFd] as unknown as Socket)
  peer.send({ type: 'start', plan })
  return { peer, ended }
}

/** npm start sets up what is missing first: that is done. */
function programOfServer(program = process.argv[1] ?? ''): string {
  return basename(program) === 'start.mjs' ? join(packageRoot, 'bin', 'tether.mjs') : program
}
