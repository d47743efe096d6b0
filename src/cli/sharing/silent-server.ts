/** Servers whose process runs and that other tethers cannot talk to: it hangs, or its socket was deleted. */
import { existsSync } from 'node:fs'
import { oneLine } from '../../one-line.js'
import type { ServerRecord } from '../serving/running-servers.js'
import { tetherCommand } from '../tether-command.js'
import { isSuspended } from './process-birth.js'

/** Whether there is anything to connect to. */
export function hasSocket({ shared }: ServerRecord): boolean {
  return shared !== undefined && existsSync(shared.socket)
}

/** What is the case, and what to do. */
export function silentText(record: ServerRecord): string {
  const { shared } = record
  if (hasSocket(record)) return hangingText(record)
  const socket = shared ? `its socket ${oneLine(shared.socket)} is gone` : 'it has no socket'
  return `${runs(record)} ${socket}, so no other tether can use it. To end it:\n  ${stopCommand(record)}`
}

/** The same of one that hangs. */
export function hangingText(record: ServerRecord): string {
  const { pid } = record
  if (!isSuspended(pid)) return `${runs(record)} it does not answer: it hangs. To end it:\n  kill -9 ${pid}`
  const goOn = `To let it go on:\n  kill -CONT ${pid}`
  return `${runs(record)} it was suspended. ${goOn}\nTo end it:\n  ${stopCommand(record)}`
}

function stopCommand({ url }: ServerRecord): string {
  return tetherCommand(['stop', new URL(url).port])
}

function runs({ pid, url, model }: ServerRecord): string {
  return `${oneLine(model)} runs at ${url} (process ${pid}), but`
}
