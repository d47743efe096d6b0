/** Servers whose process runs and that other tethers cannot talk to: it hangs, or its socket was deleted. */
import { existsSync } from 'node:fs'
import { oneLine } from '../../one-line.js'
import type { ServerRecord } from '../serving/running-servers.js'
import { tetherCommand } from '../tether-command.js'

/** Whether there is anything to connect to. */
export function hasSocket({ shared }: ServerRecord): boolean {
  return shared !== undefined && existsSync(shared.socket)
}

/** What is the case, and what to do. */
export function silentText(record: ServerRecord): string {
  const { url, shared } = record
  if (hasSocket(record)) return hangingText(record)
  const socket = shared ? `its socket ${oneLine(shared.socket)} is gone` : 'it has no socket'
  const stop = tetherCommand(['stop', new URL(url).port])
  return `${runs(record)} ${socket}, so no other tether can use it. To end it:\n  ${stop}`
}

/** The same of one that hangs. */
export function hangingText(record: ServerRecord): string {
  const { pid } = record
  const what = `${runs(record)} it does not answer: it hangs, or was suspended`
  return `${what}. To let it go on:\n  kill -CONT ${pid}\nTo end it:\n  kill -9 ${pid}`
}

function runs({ pid, url, model }: ServerRecord): string {
  return `${oneLine(model)} runs at ${url} (process ${pid}), but`
}
