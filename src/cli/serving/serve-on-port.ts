/** Starts the server on the chosen port, or on a free one nearby if the user did not choose it. */
import { TetherError } from '../../errors.js'
import type { Server } from '../../index.js'
import { runAgain, tetherCommand } from '../tether-command.js'
import { type PortOwner, portOwner } from './port-owner.js'

export interface PortChoice {
  port: number
  /** Use no other port. */
  fixed: boolean
}

/** How many ports after the first are tried before the system chooses one. */
const nearby = 20

/** Reports through `say` if it uses another port. Throws `port_in_use` with the fix. */
export async function serveOnPort(
  { port, fixed }: PortChoice,
  serve: (port: number) => Promise<Server>,
  say: (line: string) => void,
): Promise<Server> {
  try {
    return await serve(port)
  } catch (error) {
    if (!isTaken(error)) throw error
    const owner = await portOwner(port)
    const taken = `port ${port} is in use${by(owner)}`
    if (fixed) throw new TetherError('port_in_use', `${taken}. ${remedy(port, owner)}`, { cause: error })
    const server = await nextFree(port, serve)
    say(`${taken}, using ${server.port} instead`)
    return server
  }
}

async function nextFree(port: number, serve: (port: number) => Promise<Server>): Promise<Server> {
  for (let next = port + 1; next <= Math.min(65535, port + nearby); next++) {
    try {
      return await serve(next)
    } catch (error) {
      if (!isTaken(error)) throw error
    }
  }
  return serve(0)
}

function isTaken(error: unknown): boolean {
  return error instanceof TetherError && error.code === 'port_in_use'
}

function by(owner: PortOwner | undefined): string {
  if (!owner) return ''
  if (owner.tether !== undefined) return ` by another tether (${owner.tether}, process ${owner.pid})`
  return ` by ${owner.name} (process ${owner.pid})`
}

/** Commands that help: the same on another port, and how to use a tether that is there. */
function remedy(port: number, owner: PortOwner | undefined): string {
  const other = ['--port', String(port < 65535 ? port + 1 : 8080)]
  const again = `  ${runAgain({ drop: ['--port'], add: other })}`
  if (owner?.tether === undefined) return `Stop that program, or use another port:\n${again}`
  return `Use another port, or connect to that one:\n${again}\n  ${tetherCommand(['env', '--port', String(port)])}`
}
