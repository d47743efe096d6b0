/** Starts the server on the chosen port, or on a free one nearby if the user did not choose it. */
import { TetherError } from '../../errors.js'
import type { Server } from '../../index.js'
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
    const taken = `port ${port} is taken${by(await portOwner(port))}`
    if (fixed) {
      const fix = `stop that program, or choose another port, as in --port ${port < 65535 ? port + 1 : 8080}`
      throw new TetherError('port_in_use', `${taken}; ${fix}`, { cause: error })
    }
    const server = await nextFree(port, serve)
    say(`${taken}; using ${server.port} instead`)
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
  return owner ? ` by ${owner.name} (process ${owner.pid})` : ''
}
